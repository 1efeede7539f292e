"""From declarations, options and a kernel view to a plan: a pure function of values."""
