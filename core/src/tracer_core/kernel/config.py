"""The kernel configuration as text: ``CONFIG_X=value`` lines, plain or gzip."""

from __future__ import annotations

import gzip
import re
import zlib

_GZIP = b"\x1f\x8b"
_OPTION = re.compile(r'^(?:(CONFIG_\w+)=(?:"(.*)"|(.*))|# (CONFIG_\w+) is not set)$', re.MULTILINE)


def parse_config(content: bytes) -> dict[str, str]:
    """Read a configuration: options that are not set become ``n``, quotes are stripped.

    Raises:
        ValueError: the content is no kernel configuration; the message says why.
    """
    if content.startswith(_GZIP):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"damaged gzip: {error}") from error
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise ValueError("neither text nor gzip") from error
    options = {
        match[1] or match[4]: "n" if match[4] else match[3] if match[2] is None else match[2]
        for match in _OPTION.finditer(text)
    }
    if not options:
        raise ValueError("no line sets a CONFIG_ option")
    return options
