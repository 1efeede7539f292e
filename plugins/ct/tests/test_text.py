"""Text of connections: what the reference has, and what only we report."""

from __future__ import annotations

import pytest

from tracer_ct.sections import Connection, Ct, CtOther, Gre, Icmp, Ip, Labels, Other, Ports, Protocol, Sctp, Tuple
from tracer_ct.text import format_ct, format_ct_other

PORTS = "orig [1.1.1.1.1 > 2.2.2.2.2] reply [2.2.2.2.2 > 1.1.1.1.1]"
THERE, BACK = Ip("1.1.1.1", "2.2.2.2", "v4"), Ip("2.2.2.2", "1.1.1.1", "v4")


def connection(orig: Protocol, reply: Protocol | None = None, state: str | None = None) -> Connection:
    both = Tuple(THERE, orig), Tuple(BACK, orig if reply is None else reply)
    return Connection(5, "Default", *both, proto_state=state, mark=None, labels=None, ct_status=0x18E)


TCP = connection(Protocol(tcp=Ports(1, 2)), Protocol(tcp=Ports(2, 1)), "ESTABLISHED")
UDP = connection(Protocol(udp=Ports(1, 2)), Protocol(udp=Ports(2, 1)))
ICMP = connection(Protocol(icmp=Icmp(0, 8, 1)), Protocol(icmp=Icmp(0, 0, 1)))
SCTP = connection(Protocol(sctp=Sctp(1, 2, 255)), Protocol(sctp=Sctp(2, 1, 0)))


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (
            TCP._replace(mark=0, labels=Labels(1, 0)),
            f"tcp (ESTABLISHED) {PORTS} zone 5 mark 0 labels 0x10000000000000000",
        ),
        (
            TCP._replace(proto_state=None),
            f"tcp (UNKNOWN) {PORTS} zone 5",
        ),
        (
            UDP._replace(zone_dir="Original"),
            f"udp {PORTS} orig-zone 5",
        ),
        (UDP._replace(zone_dir="Reply"), f"udp {PORTS} reply-zone 5"),
        (UDP._replace(zone_dir="None"), f"udp {PORTS} "),
        (
            ICMP._replace(mark=5),
            "icmp orig [1.1.1.1 > 2.2.2.2 type 8 code 0 id 1] reply [2.2.2.2 > 1.1.1.1 type 0 code 0 id 1]"
            " zone 5 mark 5",
        ),
        (
            SCTP,
            "sctp (UNKNOWN) orig [1.1.1.1.1 > 2.2.2.2.2 vtag 0xff] reply [2.2.2.2.2 > 1.1.1.1.1 vtag 0x0] zone 5",
        ),
        (TCP._replace(reply=UDP.reply), "zone 5"),
        (TCP._replace(reply=Tuple(BACK, Protocol())), "zone 5"),
    ],
)
def test_a_connection_has_the_text_of_retis(found: Connection, text: str) -> None:
    assert (
        format_ct(Ct("related_reply", *found, None), multi_line=True) == f"ct_state RELATED_REPLY status 0x18e {text}"
    )


def test_a_parent_is_on_a_line_of_its_own_or_behind() -> None:
    ct = Ct("related", *TCP, UDP)
    own = f"ct_state RELATED status 0x18e tcp (ESTABLISHED) {PORTS} zone 5"
    parent = f"parent [status 0x18e udp {PORTS} zone 5]"
    assert format_ct(ct, multi_line=True) == f"{own}\n\\ {parent}"
    assert format_ct(ct, multi_line=False) == f"{own} {parent}"


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (CtOther("untracked", None, None), "ct_state UNTRACKED"),
        (
            CtOther("new", connection(Protocol(gre=Gre(0, 255))), None),
            "ct_state NEW status 0x18e gre orig [1.1.1.1 > 2.2.2.2 srckey 0x0 dstkey 0xff]"
            " reply [2.2.2.2 > 1.1.1.1 srckey 0x0 dstkey 0xff] zone 5",
        ),
        (
            CtOther("new", connection(Protocol(other=Other(50, 0, 0))), None),
            "ct_state NEW status 0x18e proto 50 orig [1.1.1.1 > 2.2.2.2] reply [2.2.2.2 > 1.1.1.1] zone 5",
        ),
        (
            CtOther("new", connection(Protocol(other=Other(33, 1, 0))), UDP),
            "ct_state NEW status 0x18e proto 33 orig [1.1.1.1.1 > 2.2.2.2.0] reply [2.2.2.2.1 > 1.1.1.1.0] zone 5"
            f"\n\\ parent [status 0x18e udp {PORTS} zone 5]",
        ),
    ],
)
def test_what_only_we_report_is_alike(found: CtOther, text: str) -> None:
    assert format_ct_other(found, multi_line=True) == text
