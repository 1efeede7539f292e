"""Events without a kernel."""
