"""Pages of the documentation: their blocks of code, what becomes of each, and running those that can be run."""
