"""A run from start to end: prepare, attach, drain, show, and leave nothing behind."""
