"""Collector ``nft``: what nftables decides about a packet, rule by rule."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tracer_core.api import (
    BpfSource,
    Change,
    CollectorSpec,
    Decoder,
    Formatter,
    Fragment,
    Getter,
    Kernel,
    Probe,
    ProfileSource,
    Session,
    Unavailable,
    hookimpl,
    option,
)
from tracer_nft import verdicts
from tracer_nft.sections import Nft, Rule
from tracer_nft.text import nft_text
from tracer_nft.trace_table import is_tracing, rules_until_tracing, trace_table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from tracer_nft.rules import RuleTexts

_MODULE, _FUNCTION = "nf_tables", "__nft_trace_packet"
_PROBE = Probe.function(_FUNCTION)
_SKB, _PACKET, _VERDICT = "struct sk_buff *", "struct nft_pktinfo *", "struct nft_verdict *"
_INFO, _TYPE = "struct nft_traceinfo *", "enum nft_trace_types"
_NO_RULE = (
    "If an nft trace rule wasn't manually added nft events won't be reported: see help for --allow-system-changes"
)


@dataclass(frozen=True)
class NftOptions:
    """Which steps to report, and how much of a rule."""

    verdicts: tuple[str, ...] = option(
        ("drop", "accept"),
        help=f"Verdicts to report: {', '.join(verdicts.CODES)}, or all.",
        choices=("all", *verdicts.CODES),
    )
    rules: bool = option(False, help="Show the text of rules, beside their handles.")

    @cached_property
    def texts(self) -> RuleTexts:
        """What is known of rules: of a run, the decoder and the session have nothing in common but its options."""
        from tracer_nft.rules import RuleTexts  # noqa: PLC0415 - numpy takes its time, and --help needs none

        return RuleTexts()


@hookimpl
def tracer_collector() -> CollectorSpec:
    """Say who we are."""
    summary = "What nftables decides about a packet."
    return CollectorSpec("nft", summary, api=(1, 1), options=NftOptions, sections=(Nft,))


@hookimpl
def tracer_profiles() -> list[ProfileSource]:
    """Ship what Retis calls ``nft-dropmon``."""
    return [ProfileSource.resource("tracer_nft", "profiles/nft-dropmon.yaml")]


@hookimpl
def tracer_check(kernel: Kernel) -> Unavailable | None:
    """Need the function and the types of what it is passed."""
    if kernel.symbol(_FUNCTION) is None and _MODULE not in kernel.modules:
        return Unavailable(f"Kernel module '{_MODULE}' is not loaded", f"modprobe {_MODULE}")
    if kernel.function(_FUNCTION) is None:
        hint = "run a kernel with CONFIG_DEBUG_INFO_BTF_MODULES=y (Linux 5.11)"
        return Unavailable(f"the kernel has no type information of module {_MODULE}", hint)
    return None


@hookimpl
def tracer_probes() -> list[Probe]:
    """Look where the kernel would report a verdict of a packet that is traced."""
    return [_PROBE]


@hookimpl
def tracer_fragments(kernel: Kernel, options: NftOptions) -> Iterable[Fragment | Getter]:
    """Report verdicts at our probe, and give the packet wherever nftables has it."""
    in_info = kernel.member("nft_traceinfo", "pkt") is not None
    source = BpfSource.resource(
        "tracer_nft",
        "bpf/nft.bpf.c",
        NFT_INFO_HAS_ALL=int(in_info),
        NFT_RULE_HAS_END=int(kernel.member("nft_rule_dp", "is_last") is not None),
        NFT_VERDICTS=verdicts.mask(options.verdicts),
        NFT_RULES=int(options.rules),
    )
    traced = (_INFO,) if in_info else (_PACKET, _VERDICT)
    needs = (_INFO, _TYPE, "struct nft_chain *" if in_info else _PACKET)
    # where a chain ends, there is no rule
    may_be = () if in_info else (_VERDICT, "struct nft_rule_dp *")
    yield Getter("nft_traced_skb", source, gives=_SKB, needs=traced)
    yield Getter("nft_packet_skb", source, gives=_SKB, needs=(_PACKET,))
    yield Fragment("nft_collect", source, needs=needs, any_of=may_be, emits=(Nft,), probes=(_PROBE,))


@hookimpl
def tracer_decoders(options: NftOptions) -> Iterable[Decoder]:
    """Give verdicts their names and rules their text, as far as the session has read them."""
    from tracer_nft.decode import decode  # noqa: PLC0415 - numpy takes its time, and --help needs none

    return [Decoder(Nft, decode), Decoder(Rule, options.texts.decode)]


@hookimpl
def tracer_formatters() -> list[Formatter]:
    """Show it after the packet."""
    return [Formatter(Nft, nft_text, after=("packet", "skb"))]


@hookimpl
def tracer_changes(run: str) -> list[Change]:
    """Have a rule that sets nftrace, without which the kernel does not call what we probe."""
    return [trace_table(run)]


@hookimpl
def tracer_session(session: Session) -> AbstractContextManager[None]:
    """Say so if there is no such rule, and read rules if the user wants to see them."""
    found = {} if session.changed else rules_until_tracing(session.netns)
    if not session.changed and not any(map(is_tracing, found.values())):
        session.log.info(_NO_RULE)
    options: NftOptions = session.options
    if not options.rules:
        return nullcontext()
    from tracer_nft.reader import rules_read  # noqa: PLC0415 - numpy takes its time, and --help needs none

    return rules_read(session, options.texts, found)
