"""Having the kernel report what rules decide, which it does only while some rule, anywhere, sets nftrace."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from tracer_core.api import Change
from tracer_nft.listing import ListingError, RuleLister, Rules, own_namespace

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


def rules_until_tracing(namespaces: tuple[int, ...]) -> dict[int, Rules]:
    """The rules of namespaces that tell them, up to the first one that has a rule which sets nftrace.

    Args:
        namespaces: Their inode numbers; our own if there are none.
    """
    lister = RuleLister()
    found: dict[int, Rules] = {}
    for inode in namespaces or (own_namespace(),):
        with suppress(ListingError):
            if (rules := lister.rules(inode)) is not None:
                found[inode] = rules
                if is_tracing(rules):
                    break
    return found


def is_tracing(rules: Rules) -> bool:
    """Whether some rule sets nftrace."""
    return any(_SETS in text for text in rules.values())


def _nft(commands: list[dict[str, Any]]) -> tuple[str, ...]:
    return ("nft", "-j", json.dumps({"nftables": commands}, separators=(",", ":")))
