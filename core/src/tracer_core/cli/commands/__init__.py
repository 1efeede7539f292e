"""The sub-commands: a module for each, imported when it is run, and what only one of them needs, under its name."""
