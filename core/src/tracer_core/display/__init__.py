"""Events as text."""
