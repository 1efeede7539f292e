"""Argument specifications of USDT notes: text to values, and values to the C that computes them in a BPF program.

The text is what the compiler would write in assembly for the operand, after its size: ``-4@%eax 8@$5 4@12(%rbx)``.
Grammar: https://sourceware.org/systemtap/wiki/UserSpaceProbeImplementation and ``sys/sdt.h``, by which the size governs
where it disagrees with the width of the register's name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tracer_core.errors import MachineError
from tracer_core.userspace.registers import REGISTERS, Register

MAX_ARGUMENTS = 12
"""As many as ``sys/sdt.h`` has macros for."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that is the same at every hit."""

    value: int


@dataclass(frozen=True, slots=True)
class Memory:
    """A value in memory of the process, at base + index * scale + offset.

    Attributes:
        base: Word of ``struct pt_regs``.
        offset: Bytes.
        index: Word of ``struct pt_regs``, or nothing.
        scale: 1, 2, 4 or 8.
    """

    base: int
    offset: int = 0
    index: int | None = None
    scale: int = 1


@dataclass(frozen=True, slots=True)
class UsdtArgument:
    """One argument.

    Attributes:
        size: 1, 2, 4 or 8 bytes.
        signed: It is extended by its sign to 64 bits, else by zeros.
        place: Where it is.
    """

    size: int
    signed: bool
    place: Constant | Register | Memory


# Between arguments there are blanks, and in brackets of aarch64 as well: what comes next must look like an argument.
_BETWEEN = re.compile(r"\s+(?=-?\d+f?@)")
_ARGUMENT = re.compile(r"(?P<size>-?\d+)(?P<float>f?)@(?P<operand>.+)", re.DOTALL)
_INTEGER = r"[-+]?(?:0x[0-9a-fA-F]{1,16}|\d{1,20})"
_OPERANDS = {
    "x86_64": {
        "constant": re.compile(rf"\$(?P<value>{_INTEGER})"),
        "register": re.compile(r"%(?P<name>\w+)"),
        "memory": re.compile(
            rf"(?P<offset>{_INTEGER})?"
            r"\(\s*%(?P<base>\w+)\s*(?:,\s*%(?P<index>\w+)\s*(?:,\s*(?P<scale>[1248])\s*)?)?\)"
        ),
    },
    "aarch64": {
        "constant": re.compile(rf"#?(?P<value>{_INTEGER}|[xw]zr)"),
        "register": re.compile(r"(?P<name>[a-z]\w+)"),
        "memory": re.compile(rf"\[\s*(?P<base>\w+)\s*(?:,\s*#?(?P<offset>{_INTEGER})\s*)?\]"),
    },
}
_RELATIVE_TO_CODE = re.compile(r".*\(%[re]ip\)")


def parse_arguments(text: str, architecture: str) -> tuple[UsdtArgument, ...]:
    """Read a note's specification of arguments.

    Args:
        text: As in the note; nothing or ``:`` means no arguments.
        architecture: ``uname -m``.

    Raises:
        MachineError: we cannot compute one of them, and why.
    """
    if architecture not in REGISTERS:
        raise MachineError(f"USDT probes are not supported on {architecture}")
    if text.strip() in ("", ":"):
        return ()
    specs = _BETWEEN.split(text.strip())
    if len(specs) > MAX_ARGUMENTS:
        raise MachineError(f"USDT arguments {text!r}: more than {MAX_ARGUMENTS}")
    return tuple(_argument(spec, architecture) for spec in specs)


def _argument(spec: str, architecture: str) -> UsdtArgument:
    match = _ARGUMENT.fullmatch(spec)
    if match is None:
        raise _refused(spec, "it does not look like SIZE@OPERAND")
    if match["float"]:
        raise _refused(spec, "it is a floating-point number, and BPF programs see no such registers")
    size = int(match["size"])
    if abs(size) not in (1, 2, 4, 8):
        raise _refused(spec, "its size is not 1, 2, 4 or 8 bytes")
    return UsdtArgument(abs(size), size < 0, _place(match["operand"].strip(), spec, architecture))


def _place(operand: str, spec: str, architecture: str) -> Constant | Register | Memory:
    forms = _OPERANDS[architecture]
    if match := forms["constant"].fullmatch(operand):
        return Constant(0 if match["value"].endswith("zr") else _integer(match["value"]))
    if match := forms["register"].fullmatch(operand):
        return _register(match["name"], spec, architecture)
    if _RELATIVE_TO_CODE.fullmatch(operand):
        raise _refused(spec, "it is a variable at a place relative to the code, which is not supported")
    if match := forms["memory"].fullmatch(operand):
        parts = match.groupdict()
        index = _register(parts["index"], spec, architecture).word if parts.get("index") else None
        base = _register(parts["base"], spec, architecture).word
        return Memory(base, _integer(parts["offset"] or "0"), index, int(parts.get("scale") or 1))
    raise _refused(spec, f"it is no form that we know on {architecture}")


def _register(name: str, spec: str, architecture: str) -> Register:
    register = REGISTERS[architecture].get(name)
    if register is None:
        raise _refused(spec, f"BPF programs do not see a register {name}")
    return register


def _integer(text: str) -> int:
    digits = text.lstrip("+-")
    value = int(digits, 16 if digits.startswith("0x") else 10)
    return -value if text.startswith("-") else value


def _refused(spec: str, why: str) -> MachineError:
    return MachineError(f"USDT argument {spec}: {why}")
