"""Text that terminals show and do not obey.

Names of tasks, of devices and of chains, and whatever is in files, somebody else may have chosen.
"""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Text in which control characters, line ends too, and all else that cannot be seen are escaped: ``\x1b``."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def printable_lines(text: str) -> str:
    """The same, with its line ends."""
    return "\n".join(map(printable, text.split("\n")))
