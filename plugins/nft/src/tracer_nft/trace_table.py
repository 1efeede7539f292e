"""Having the kernel report what rules decide, which it does only while some rule, anywhere, sets nftrace."""

from __future__ import annotations

import json
from typing import Any

from tracer_core.api import Change
from tracer_nft.listing import ListingError, RuleLister

_FAMILY, _CHAIN = "inet", "trace"
_SETS = "meta nftrace set 1"


def trace_table(run: str) -> Change:
    """A table with such a rule in a chain that no packet passes: it has no hook, and nothing jumps there.

    Args:
        run: Makes its name.
    """
    name = f"tracer_{run}"
    table = {"table": {"family": _FAMILY, "name": name}}
    place = {"family": _FAMILY, "table": name}
    rule = [{"mangle": {"key": {"meta": {"key": "nftrace"}}, "value": 1}}]
    add: list[dict[str, Any]] = [
        {"add": table},
        {"add": {"chain": {**place, "name": _CHAIN}}},
        {"add": {"rule": {**place, "chain": _CHAIN, "expr": rule}}},
    ]
    # what is not there cannot be deleted: added first, in one transaction, it always is
    delete: list[dict[str, Any]] = [{"add": table}, {"delete": table}]
    return Change(f"table {_FAMILY} {name} of nftables", do=_nft(add), undo=_nft(delete))


def is_tracing(namespaces: tuple[int, ...]) -> bool:
    """Whether some rule sets nftrace, as far as can be told.

    Args:
        namespaces: Whose rules to look at; our own if there are none.
    """
    lister = RuleLister()
    return any(_is_tracing(lister, inode) for inode in namespaces or (0,))


def _is_tracing(lister: RuleLister, inode: int) -> bool:
    try:
        rules = lister.rules(inode)
    except ListingError:
        return False
    return rules is not None and any(_SETS in text for text in rules.values())


def _nft(commands: list[dict[str, Any]]) -> tuple[str, ...]:
    return ("nft", "-j", json.dumps({"nftables": commands}, separators=(",", ":")))
