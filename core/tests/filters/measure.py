# ruff: noqa: T201 - it prints
"""What filters cost: ``python -m core.tests.filters.measure``, as root. Programs are called by the kernel, in turns."""

from __future__ import annotations

from statistics import median

from core.tests.filters.in_kernel import CLASSIFIER, InKernel, stack_bytes
from core.tests.filters.oracles import Sample

from tracer_core.filters.packet import packet_filter
from tracer_core.filters.pcap import LinkType, compile_expression
from tracer_core.filters.translate import function

ROUNDS, REPEAT = 41, 50_000

ETHER = bytes.fromhex("020000000001 020000000002")
UDP = bytes.fromhex("0800 4500 0054 0000 4000 4011 0000 c0000201 c0000202 1234 0050 0040 0000") + bytes(56)
TCP = bytes.fromhex("0800 4500 0054 0000 4000 4006 0000 c0000201 c0000202 1234 01bb") + bytes(64)
OTHER = TCP.replace(bytes.fromhex("01bb"), bytes.fromhex("0051"))
ICMP = bytes.fromhex("0800 4500 0054 0000 4000 4001 0000 c0000201 c0000202 0800 0000") + bytes(64)
PACKETS = {
    "UDP": Sample(ETHER + UDP, 98),
    "ICMP": Sample(ETHER + ICMP, 98),
    "TCP 443": Sample(ETHER + TCP, 98),
    "TCP 81": Sample(ETHER + OTHER, 98),
    "ICMP, tag beside": Sample(ETHER + ICMP, 98, 0x8100_0005),
}


def _alternatives(size: int) -> str:
    """An expression of about that many instructions."""
    text = ""
    terms: list[str] = []
    while True:
        n = len(terms)
        terms.append(f"(host 10.{n // 250}.{n % 250}.1 and tcp port {n + 1})")
        text, before = " or ".join(terms), text
        if len(compile_expression(text, LinkType.ETHERNET)) > size:
            return before


def main() -> None:
    """Print both tables."""
    tried = {
        "icmp": "icmp",
        "https": "host 192.0.2.1 and tcp port 443",
        "tagged": "vlan and icmp",
        "six": "ip6 and tcp dst port 443",
        "many": _alternatives(900),
    }
    texts = {
        name: function(name, [compile_expression(text, LinkType.ETHERNET)], tagged="vlan" in text)
        for name, text in tried.items()
    }
    with InKernel(texts, CLASSIFIER) as kernel:
        times: dict[tuple[str, str], list[int]] = {}
        for _ in range(ROUNDS):
            for kind, sample in PACKETS.items():
                kernel.put(sample)
                for name in ("empty", *tried):
                    times.setdefault((kind, name), []).append(kernel.nanoseconds(name, REPEAT))
        for kind in PACKETS:
            base = median(times[kind, "empty"])
            row = (f"{name} {median(times[kind, name]) - base:+.0f}" for name in tried)
            print(f"{kind:18} empty {base:.0f}", *row, sep=", ")
        for name, code in kernel.code.items():
            print(f"{name}: {len(code) // 8} instructions, {stack_bytes(code)} bytes of stack")
    for size in (100, 925, 2000):
        text = _alternatives(size)
        both = packet_filter([text])
        c = both.text().replace("tracer_filter_datagram", "datagram").replace("tracer_filter_frame", "frame")
        frame, datagram = c.split("\n\n")
        with InKernel({"frame": frame}) as one:
            line = f"{size}: frames only: compiled in {one.compile_seconds:.2f} s, {len(one.code['run_frame']) // 8}"
        with InKernel({"frame": frame, "datagram": datagram}) as two:
            print(
                f"{line}; both: {two.compile_seconds:.2f} s, loaded in {two.load_seconds * 1000:.0f} ms",
                f"instructions {[len(code) // 8 for code in two.code.values()]}",
                f"stack {[stack_bytes(code) for code in two.code.values()]}",
            )


if __name__ == "__main__":
    main()
