"""What nftables decided about a packet."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from tracer_core.api import BOOL, S32, S64, U8, U32, Chars, recorded, section

NAME_SIZE = 128
"""Bytes of a name that are kept, the zero at its end included. The kernel takes names of up to 255 characters."""


class Rule(NamedTuple):
    """The rule as it reads, with ``--nft-rules``."""

    netns: U32
    """Inode number of the network namespace whose rules it is one of."""
    table_handle: S64
    """Its table."""
    handle: S64
    """Its number in the table."""
    state: U8
    """0: ``text`` has it. 1: it is not there any more. 2: it could not be read, or was not read yet."""
    text: Annotated[str, recorded(U8)]
    """In the language of ``nft``, without counters; empty where it is not known."""


@section("nft")
class Nft(NamedTuple):
    """A step of nftables: what a rule, the end of a chain or a policy decided about the packet."""

    table_handle: S64
    """Number of the table, by which ``nft`` knows it, too: ``nft -a list tables``."""
    chain_handle: S64
    """Number of the chain in its table."""
    rule_handle: S64 | None
    """Number of the rule in its table; missing where a chain ended or its policy decided."""
    verdict: Annotated[str, recorded(S32)]
    """One of those that ``--nft-verdicts`` takes, ``stop``, or ``unknown``."""
    policy: BOOL
    """It is the policy of a base chain."""
    table_name: Annotated[bytes, Chars(NAME_SIZE)]
    """Of the table; not its family."""
    chain_name: Annotated[bytes, Chars(NAME_SIZE)]
    """Of the chain."""
    verdict_chain_name: Annotated[bytes, Chars(NAME_SIZE)] | None
    """Where to, of ``jump`` and ``goto``."""
    rule: Rule | None = None
    """The rule as it reads."""
