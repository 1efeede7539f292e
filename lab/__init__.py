"""A lab of real kernels: stock Debian kernels in QEMU, on the root file system of this machine.

A developer tool, not shipped. ``python -m lab run 6.1 -- uname -r`` boots a kernel, runs a command in it and ends with
its exit status; ``python -m lab test 6.1 6.12`` runs tests in each. See ``docs/how-to/lab.md``.
"""
