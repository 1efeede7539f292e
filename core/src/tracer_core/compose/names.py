"""Names that the composed text derives from what collectors declare."""

from __future__ import annotations

import re

from tracer_core.errors import PluginError

_TYPE = re.compile(r"(?:(?:struct|union|enum) )?(\w+)( \**)?")


def argument_name(c_type: str) -> str:
    """Name of an argument's member in ``struct tracer_ctx``: the tag, with a ``p`` per pointer level after the first.

    Raises:
        PluginError: the type is not a tag, a typedef or a pointer to one.
    """
    match = _TYPE.fullmatch(c_type)
    if match is None:
        raise PluginError(f"{c_type!r} cannot be an argument type", hint="write it as in 'struct sk_buff *'")
    levels = (match[2] or "").count("*")
    return match[1] + ("_" + "p" * (levels - 1) if levels > 1 else "")
