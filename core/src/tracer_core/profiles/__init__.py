"""Profiles: options of commands in YAML files, those of Retis and ours (ADR 0032)."""
