"""Completion of command lines in shells: click finds what is to be completed, values and scripts are ours."""
