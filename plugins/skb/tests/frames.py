"""Frames for tests, header by header, with fixed addresses."""

import struct

MACS = "00:11:22:33:44:55 > 66:77:88:99:aa:bb"
V4 = "10.0.0.1 > 10.0.0.2 tos 0x0 ttl 64 id 1 off 0"
V4_TCP = "10.0.0.1.1234 > 10.0.0.2.80 tos 0x0 ttl 64 id 1 off 0"
ECHO = bytes.fromhex("0800000000000000")


def ethernet(ethertype: int, payload: bytes) -> bytes:
    return bytes.fromhex("66778899aabb 001122334455") + struct.pack(">H", ethertype) + payload


def ipv4(protocol: int, body: bytes, *, tos: int = 0, fragment: int = 0, options: str = "") -> bytes:
    raw = bytes.fromhex(options)
    header = struct.pack(
        ">BBHHHBBH4s4s",
        0x45 + len(raw) // 4,
        tos,
        20 + len(raw) + len(body),
        1,
        fragment,
        64,
        protocol,
        0,
        bytes([10, 0, 0, 1]),
        bytes([10, 0, 0, 2]),
    )
    return ethernet(0x0800, header + raw + body)


def ipv6(next_header: int, body: bytes, *, first: int = 0x60000000, hops: int = 64) -> bytes:
    source = bytes.fromhex("fe80" + "00" * 13 + "01")
    destination = bytes.fromhex("ff02" + "00" * 13 + "01")
    header = struct.pack(">IHBB", first, len(body), next_header, hops)
    return ethernet(0x86DD, header + source + destination + body)


def tcp(flags: int, options: str = "", payload: bytes = b"") -> bytes:
    raw = bytes.fromhex(options)
    offset = 5 + len(raw) // 4
    return struct.pack(">HHIIHHI", 1234, 80, 5, 9, offset << 12 | flags, 8192, 0) + raw + payload


def udp(source: int, destination: int, payload: bytes) -> bytes:
    return struct.pack(">HHHH", source, destination, 8 + len(payload), 0) + payload


def sctp(chunks: str) -> bytes:
    return struct.pack(">HHII", 1, 2, 0xDEAD, 0) + bytes.fromhex(chunks)


def arp(operation: int, target: str = "00" * 6) -> bytes:
    sender = bytes.fromhex("0102030405f6") + bytes([10, 0, 0, 1])
    header = struct.pack(">HHBBH", 1, 0x800, 6, 4, operation)
    return ethernet(0x0806, header + sender + bytes.fromhex(target) + bytes([10, 0, 0, 2]))


def vxlan(frame: bytes, *, port: int = 4789) -> bytes:
    return ipv4(17, udp(999, port, bytes.fromhex("0800000000002a00") + frame))


def geneve(header: str, content: bytes) -> bytes:
    return ipv4(17, udp(999, 6081, bytes.fromhex(header) + content))


def macsec(tag: str, ethertype_and_payload: bytes) -> bytes:
    return ethernet(0x88E5, bytes.fromhex(tag) + ethertype_and_payload)


PING = ipv4(1, ECHO)
PING_TEXT = f"{V4} len 28 proto ICMP (1) type 8 code 0"


def tagged(*tags: tuple[int, int], frame: bytes = PING) -> bytes:
    """Insert VLAN tags, outermost first: (Ethernet type of the tag, tag control information)."""
    return frame[:12] + b"".join(struct.pack(">HH", *tag) for tag in tags) + frame[12:]
