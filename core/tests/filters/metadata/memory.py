"""Made-up kernel memory: structures full of random bytes, whose pointers lead to others, to nothing, or astray."""

from __future__ import annotations

import ctypes
from random import Random

from tracer_core.kernel.view import Kernel

SIZE = 1 << 16
ASTRAY = 0x1234_5678_9000
POINTERS = {
    # member: what it points at
    ("sk_buff", "dev"): "net_device",
    ("sk_buff", "sk"): "sock",
    ("sk_buff", "_nfct"): "nf_conn",
    ("net_device", "nd_net.net"): "net",
    ("sock", "__sk_common.skc_net.net"): "net",
}
TAGGED = {("sk_buff", "_nfct"): 7}  # bits of these pointers that are no part of it
NAMES = (b"eth0", b"lo", b"a-name-of-15-by", b"16-bytes-no-nul!", b"")


class Memory:
    """An arena with one structure of each kind.

    Args:
        kernel: Whose structures they are.
        random: Decides what is in them.
        safe: Pointers lead to others or to nothing, never astray.
    """

    def __init__(self, kernel: Kernel, random: Random, *, safe: bool) -> None:
        self.buffer = ctypes.create_string_buffer(random.randbytes(SIZE), SIZE)
        self.address = ctypes.addressof(self.buffer)
        self.places = {
            name: self.address + 64 + number * 8192
            for number, name in enumerate(("sk_buff", "net_device", "sock", "net", "nf_conn"))
        }
        for (owner, path), target in POINTERS.items():
            choices = [self.places[target]] * 6 + [0] + ([] if safe else [ASTRAY])
            value = random.choice(choices)
            self.write(
                self.at(kernel, owner, path),
                (value | random.randint(0, TAGGED.get((owner, path), 0))).to_bytes(8, "little"),
            )
        name = random.choice(NAMES)
        self.write(self.at(kernel, "net_device", "name"), name.ljust(16, b"\0") if len(name) < 16 else name)
        self.strings = self.address + SIZE - 256
        self.write(self.strings, random.choice(NAMES) + b"\0")
        for member, value in (("mark", random.choice((0, 1, 0x100, 0xFFFFFFFF))), ("len", random.randrange(2000))):
            self.write(self.at(kernel, "sk_buff", member), value.to_bytes(4, "little"))

    def at(self, kernel: Kernel, owner: str, path: str) -> int:
        """The address of a member."""
        member = kernel.member(owner, path)
        assert member is not None
        return self.places[owner] + member.bit_offset // 8

    def write(self, address: int, data: bytes) -> None:
        ctypes.memmove(address, data, len(data))

    def read(self, address: int, size: int) -> bytes | None:
        """What is there, if it can be read."""
        if not self.address <= address <= self.address + SIZE - size:
            return None
        return ctypes.string_at(address, size)

    def string(self, address: int) -> bytes | None:
        """A string up to its NUL, if it can be read."""
        if not self.address <= address < self.address + SIZE:
            return None
        return ctypes.string_at(address)
