"""Who is there: discovery of collectors, loading, calls of their hooks."""
