"""Events as JSON lines in the format of Retis (ADR 0015), written and read, and the JSON schema of an event."""
