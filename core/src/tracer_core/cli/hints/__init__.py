"""What to tell users who were about to do something else than they typed."""
