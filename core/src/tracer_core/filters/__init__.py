"""Packet filters: expressions of libpcap become classic BPF, and that becomes C for the program of a run (ADR 0021).

Nothing here looks at the kernel or the machine, but for the library that knows the language of the expressions.
"""
