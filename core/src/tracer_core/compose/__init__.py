"""From a plan to one C program: pure text, no kernel access."""
