"""Profiles on the command line (ADR 0032): which are wanted, and how their options become a command's."""
