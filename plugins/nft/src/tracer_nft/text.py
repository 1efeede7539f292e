"""The text of a step, which is that of Retis but for the rule as it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tracer_core.api import TextOptions
    from tracer_nft.sections import Nft, Rule

_STATES = {1: "not there any more", 2: "could not be read"}


def nft_text(nft: Nft, _: TextOptions) -> str:
    """On one line: where, which rule, what it decided."""
    parts = [
        f"table {_name(nft.table_name)} ({nft.table_handle})",
        f"chain {_name(nft.chain_name)} ({nft.chain_handle})",
    ]
    if nft.rule_handle is not None:
        parts.append(f"handle {nft.rule_handle}")
    if nft.rule is not None:
        parts.append(f"[{_rule_text(nft.rule)}]")
    parts.append(nft.verdict)
    if nft.policy:
        parts.append("(policy)")
    if nft.verdict_chain_name is not None:
        parts.append(f"chain {_name(nft.verdict_chain_name)}")
    return " ".join(parts)


def _rule_text(rule: Rule) -> str:
    return rule.text or _STATES.get(rule.state, "")


def _name(name: bytes) -> str:
    return name.decode(errors="replace")
