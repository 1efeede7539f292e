"""Event files: written while a run goes on, read again later."""
