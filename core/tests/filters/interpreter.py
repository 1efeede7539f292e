"""Classic BPF, slowly and plainly. It says which of the known differences between others are met on the way."""

from __future__ import annotations

from dataclasses import dataclass, field

from tracer_core.filters.classic import RET_A, TXA, Alu, Class, Jump, Mode, Program

ONES = (1 << 32) - 1

SHIFT = "a shift by 32 bits or more"  # the kernel takes the lowest five bits, libpcap gives 0
WRAP = "an index and an offset that wrap around"  # the kernel reads there, libpcap finds it too far
NEGATIVE = (
    "an index that leads before the packet"  # the kernel reads other data, libpcap finds it too far, and so do we
)


class LeftPacketError(Exception):
    pass


@dataclass
class Run:
    verdict: int = 0
    oddities: set[str] = field(default_factory=set)


def interpret(program: Program, packet: bytes, length: int) -> Run:
    """Run a program.

    Args:
        program: A valid one.
        packet: The bytes that can be read.
        length: Of the whole packet.
    """
    run = Run()
    try:
        run.verdict = _interpret(program, packet, length, run.oddities)
    except (LeftPacketError, ZeroDivisionError):
        run.verdict = 0
    return run


def _interpret(  # noqa: PLR0912 - a branch for each class
    program: Program, packet: bytes, length: int, oddities: set[str]
) -> int:
    a = x = pc = 0
    memory = [0] * 16

    def load(at: int, size: int) -> int:
        if at + size > len(packet):
            raise LeftPacketError
        return int.from_bytes(packet[at : at + size], "big")

    while True:
        each, k = program[pc], program[pc].k
        pc += 1
        match each.kind:
            case Class.RET:
                return a if each.code & RET_A else k
            case Class.LD | Class.LDX:
                if each.mode is Mode.IND:
                    at = (x + k) & ONES
                    if at != x + k:
                        oddities.add(WRAP)
                    if at >= 1 << 31:
                        oddities.add(NEGATIVE)
                        raise LeftPacketError
                    value = load(at, each.size)
                elif each.mode is Mode.ABS:
                    value = load(k, each.size)
                elif each.mode is Mode.MSH:
                    value = 4 * (load(k, 1) & 0xF)
                else:
                    value = {Mode.IMM: k, Mode.LEN: length, Mode.MEM: memory[k & 15]}[each.mode]
                if each.kind is Class.LD:
                    a = value
                else:
                    x = value
            case Class.ST:
                memory[k] = a
            case Class.STX:
                memory[k] = x
            case Class.MISC:
                a, x = (x, x) if each.code & TXA else (a, a)
            case Class.ALU:
                operand = x if each.takes_x else k
                if each.alu in (Alu.LSH, Alu.RSH) and operand > 31:
                    oddities.add(SHIFT)
                a = _arithmetic(each.alu, a, operand) & ONES
            case Class.JMP:
                operand = x if each.takes_x else k
                if each.jump is Jump.JA:
                    pc += k
                else:
                    holds = {
                        Jump.JEQ: a == operand,
                        Jump.JGT: a > operand,
                        Jump.JGE: a >= operand,
                        Jump.JSET: bool(a & operand),
                    }[each.jump]
                    pc += each.jt if holds else each.jf


def _arithmetic(alu: Alu, a: int, operand: int) -> int:  # noqa: PLR0911 - one line for each
    match alu:
        case Alu.ADD:
            return a + operand
        case Alu.SUB:
            return a - operand
        case Alu.MUL:
            return a * operand
        case Alu.DIV:
            return a // operand
        case Alu.MOD:
            return a % operand
        case Alu.OR:
            return a | operand
        case Alu.AND:
            return a & operand
        case Alu.XOR:
            return a ^ operand
        case Alu.LSH:
            return a << (operand & 31)
        case Alu.RSH:
            return a >> (operand & 31)
        case Alu.NEG:
            return -a
