"""libbcc has a reader of USDT notes of its own: it must find the same places and understand arguments alike."""

from __future__ import annotations

import itertools
import platform
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracer_core.backend import find_bcc
from tracer_core.errors import MachineError
from tracer_core.testing.pytest_plugin import unavailable
from tracer_core.userspace.elf import Elf
from tracer_core.userspace.registers import REGISTERS, Register
from tracer_core.userspace.usdt_arguments import Constant, UsdtArgument, parse_arguments

Build = Callable[[str], Path]
Usdt = Callable[..., Any]

CONSTANT, OFFSET, _, BASE, INDEX, SCALE = (1 << bit for bit in range(6))  # bcc_usdt_argument_flags of bcc_usdt.h

NOTE = """
	.balign 4
	.4byte 2f-1f, 4f-3f, 3
1:	.asciz "stapsdt"
2:	.balign 4
3:	.8byte here, 0, 0
	.asciz "fixture"
	.asciz "probe{n}"
	.asciz "{text}"
4:	.balign 4
"""


@pytest.fixture(scope="module")
def usdt():
    try:
        return find_bcc.load().USDT
    except MachineError as error:
        unavailable("bpf", str(error))


def theirs(argument: Any) -> tuple[object, ...]:  # noqa: ANN401 - BCC is untyped
    """Of an argument as libbcc has it: size, sign, what it is made of."""
    has, parts = argument.valid, []
    if has & CONSTANT:
        parts.append(argument.constant)
    if has & BASE:
        parts.append(argument.base_register_name.decode())
    if has & OFFSET:
        parts.append(argument.deref_offset)
    if has & INDEX:
        parts += [argument.index_register_name.decode(), argument.scale if has & SCALE else 1]
    return (argument.size, argument.signed, *parts)


def ours(argument: UsdtArgument) -> tuple[object, ...]:
    place = argument.place
    if isinstance(place, Constant):
        parts: tuple[object, ...] = (place.value,)
    elif isinstance(place, Register):
        parts = (member(place.word),)
    else:
        indexed = () if place.index is None else (member(place.index), place.scale)
        parts = (member(place.base), place.offset, *indexed)
    return (argument.size, argument.signed, *parts)


def member(word: int) -> str:
    """The member of struct pt_regs of linux/ptrace.h."""
    names = ["r15", "r14", "r13", "r12", "bp", "bx", "r11", "r10", "r9", "r8", "ax", "cx", "dx", "si", "di"]
    return {**dict(enumerate(names)), 19: "sp"}[word]


def specifications() -> list[str]:
    """Some of every form. Not %ah, which libbcc takes for nothing it knows."""
    names = [name for name, register in REGISTERS["x86_64"].items() if not register.shift]
    operands = [f"%{name}" for name in names]
    operands += [f"${number}" for number in (0, 5, -1, 2147483647, -2147483648)]
    wide = [name for name in names if name in ("rax", "rbx", "rbp", "rsp", "r8", "r15")]
    operands += [f"{offset}(%{name})" for offset in ("", "0", "12", "-8", "4096") for name in wide]
    operands += [
        f"{offset}(%{base},%{index}{scale})"
        for (base, index), offset, scale in itertools.product(
            itertools.permutations(["rax", "rbp", "r9"], 2), ("", "16", "-96"), ("", ",1", ",2", ",8")
        )
    ]
    prefixes = itertools.cycle(("-1", "1", "-2", "2", "-4", "4", "-8", "8"))
    return [f"{next(prefixes)}@{operand}" for operand in operands]


def test_libbcc_understands_arguments_alike(usdt: Usdt, gcc: str, tmp_path: Path):
    if platform.machine() != "x86_64":
        pytest.skip("libbcc reads the assembly of the machine that it was built for")
    specs = specifications()
    texts = [" ".join(specs[at : at + 6]) for at in range(0, len(specs), 6)]
    source, library = tmp_path / "library.s", tmp_path / "library.so"
    notes = "".join(NOTE.format(n=n, text=text) for n, text in enumerate(texts))
    source.write_text(f'\t.text\n\t.globl here\nhere:\tnop\n\t.section .note.stapsdt,"","note"\n{notes}')
    subprocess.run([gcc, "-shared", "-nostdlib", "-o", library, source], check=True)
    context = usdt(path=str(library))
    probes = {probe.name.decode(): probe for probe in context.enumerate_probes()}

    for n, text in enumerate(texts):
        probe = probes[f"probe{n}"]
        mine = parse_arguments(text, "x86_64")
        assert probe.num_arguments == len(mine), text
        location = probe.get_location(0)
        assert [theirs(location.get_argument(i)) for i in range(len(mine))] == [ours(a) for a in mine], text


@pytest.mark.parametrize("how", ["pie", "no-pie", "not-optimised"])
def test_libbcc_finds_the_same_places(usdt: Usdt, build: Build, how: str):
    path = build(how)
    context = usdt(path=str(path))
    with path.open("rb") as stream:
        elf = Elf(stream, str(path))
        mine: dict[str, list[int]] = {}
        for note in elf.notes:
            mine.setdefault(note.target, []).append(note.pc)
        probes = context.enumerate_probes()

        assert {probe.short_name() for probe in probes} == set(mine)
        for probe in probes:
            addresses = {probe.get_location(n).address for n in range(probe.num_locations)}
            assert addresses == set(mine[probe.short_name()])
            if probe.semaphore:
                assert probe.semaphore in {note.semaphore for note in elf.notes}
