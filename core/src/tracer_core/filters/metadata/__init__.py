"""Metadata filters: expressions on members of what a probe is given become C (ADR 0023).

``parse`` makes a tree of the text, ``place`` finds out what its names mean at a probe, ``translate`` writes C.
"""
