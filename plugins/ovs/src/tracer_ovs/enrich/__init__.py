"""Flows of the kernel in the words of Open vSwitch: its process is asked for them, and for the rules they come from."""
