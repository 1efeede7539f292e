"""Specifications of arguments to values, and values to C."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_core.backend.compiler import Compiler
from tracer_core.errors import MachineError
from tracer_core.userspace.registers import REGISTERS, Register
from tracer_core.userspace.usdt_arguments import MAX_ARGUMENTS, Constant, Memory, UsdtArgument, parse_arguments
from tracer_core.userspace.usdt_c import argument_expression, argument_functions

CALL = 0x85  # BPF_JMP | BPF_CALL
RAX, RBX, RCX, RDX, RBP, RSP = 10, 5, 11, 12, 4, 19
WORD = 1 << 64

sizes = st.sampled_from([1, 2, 4, 8])
integers = st.integers(-(1 << 63), (1 << 63) - 1)


def test_the_arguments_of_a_real_probe():
    assert parse_arguments("8@%rdx 4@%ecx 8@%rax 4@12(%rbx) 8@576(%rbx) 8@584(%rbx)", "x86_64") == (
        UsdtArgument(8, False, Register(RDX)),
        UsdtArgument(4, False, Register(RCX)),
        UsdtArgument(8, False, Register(RAX)),
        UsdtArgument(4, False, Memory(RBX, 12)),
        UsdtArgument(8, False, Memory(RBX, 576)),
        UsdtArgument(8, False, Memory(RBX, 584)),
    )


@pytest.mark.parametrize("text", ["", "  ", ":"])
def test_a_probe_may_have_no_arguments(text: str):
    assert parse_arguments(text, "x86_64") == ()


@pytest.mark.parametrize(
    ("architecture", "operand", "place"),
    [
        ("x86_64", "$5", Constant(5)),
        ("x86_64", "$-9223372036854775808", Constant(-(1 << 63))),
        ("x86_64", "$0x10", Constant(16)),
        ("x86_64", "%r15d", Register(0)),
        ("x86_64", "%ah", Register(RAX, shift=8)),
        ("x86_64", "%al", Register(RAX)),
        ("x86_64", "%spl", Register(RSP)),
        ("x86_64", "(%rsp)", Memory(RSP)),
        ("x86_64", "-8(%rbp)", Memory(RBP, -8)),
        ("x86_64", "-8(%rbp,%rcx,8)", Memory(RBP, -8, RCX, 8)),
        ("x86_64", "(%rbx,%rax)", Memory(RBX, 0, RAX)),
        ("aarch64", "5", Constant(5)),
        ("aarch64", "-5", Constant(-5)),
        ("aarch64", "xzr", Constant(0)),
        ("aarch64", "x30", Register(30)),
        ("aarch64", "w7", Register(7)),
        ("aarch64", "sp", Register(31)),
        ("aarch64", "[sp]", Memory(31)),
        ("aarch64", "[sp, 12]", Memory(31, 12)),
        ("aarch64", "[x1,#-16]", Memory(1, -16)),
    ],
)
def test_forms_of_operands(architecture: str, operand: str, place: Constant | Register | Memory):
    assert parse_arguments(f"-4@{operand}", architecture) == (UsdtArgument(4, True, place),)


def test_blanks_in_brackets_separate_nothing():
    assert len(parse_arguments("-4@[sp, 12] 8@x0 -8@[x1, 8]", "aarch64")) == 3


@pytest.mark.parametrize(
    ("architecture", "text", "words"),
    [
        ("x86_64", "8f@%xmm0", "floating-point"),
        ("x86_64", "8@%xmm0", "no.* register xmm0|not see a register xmm0"),
        ("x86_64", "4@counter(%rip)", "relative to the code"),
        ("x86_64", "4@8+counter(%rip)", "relative to the code"),
        ("x86_64", "4@16(%rip)", "relative to the code"),
        ("x86_64", "8@%fs:16", "no form that we know"),
        ("x86_64", "8@counter", "no form that we know"),
        ("x86_64", "3@%eax", "size"),
        ("x86_64", "16@(%rsp)", "size"),
        ("x86_64", "%eax", "SIZE@OPERAND"),
        ("x86_64", "4@(%rax,%rbx,3)", "no form that we know"),
        ("aarch64", "8@v0", "register v0"),
        ("aarch64", "8@x31", "register x31"),
        ("aarch64", "8@[x0, x1]", "no form that we know"),
        ("riscv64", "8@a0", "not supported on riscv64"),
    ],
)
def test_what_cannot_be_computed_is_refused_with_the_reason(architecture: str, text: str, words: str):
    with pytest.raises(MachineError, match=words):
        parse_arguments(text, architecture)


def test_more_arguments_than_there_are_macros_for_are_refused():
    assert len(parse_arguments(" ".join(["4@$1"] * MAX_ARGUMENTS), "x86_64")) == MAX_ARGUMENTS
    with pytest.raises(MachineError, match="more than 12"):
        parse_arguments(" ".join(["4@$1"] * (MAX_ARGUMENTS + 1)), "x86_64")


@given(st.text(), st.sampled_from(["x86_64", "aarch64"]))
def test_any_text_is_read_or_refused(text: str, architecture: str):
    with contextlib.suppress(MachineError):
        parse_arguments(text, architecture)


@given(st.data())
def test_what_was_written_in_the_grammar_is_read_back(data: st.DataObject):
    names = st.sampled_from(sorted(REGISTERS["x86_64"]))

    def operand() -> tuple[str, Constant | Register | Memory]:
        form = data.draw(st.sampled_from(["constant", "register", "memory", "indexed"]))
        name, offset = data.draw(names), data.draw(integers)
        word = REGISTERS["x86_64"][name].word
        if form == "constant":
            return f"${offset}", Constant(offset)
        if form == "register":
            return f"%{name}", REGISTERS["x86_64"][name]
        if form == "memory":
            return f"{offset}(%{name})", Memory(word, offset)
        index, scale = data.draw(names), data.draw(sizes)
        return f"{offset}(%{name},%{index},{scale})", Memory(word, offset, REGISTERS["x86_64"][index].word, scale)

    expected: list[UsdtArgument] = []
    words = []
    for _ in range(data.draw(st.integers(0, MAX_ARGUMENTS))):
        size, signed = data.draw(sizes), data.draw(st.booleans())
        text, place = operand()
        words.append(f"{'-' if signed else ''}{size}@{text}")
        expected.append(UsdtArgument(size, signed, place))

    assert parse_arguments(" ".join(words), "x86_64") == tuple(expected)


def extended(value: int, argument: UsdtArgument) -> int:
    """What an argument is as a u64, said another way than in the module."""
    low = (value % WORD).to_bytes(8, "little")[: argument.size]
    return int.from_bytes(low, "little", signed=argument.signed) % WORD


NUMBERS = (0, 1, -1, 0x7F, 0x80, -0x81, 0x1234_5678_9ABC_DEF0, -0x1234_5678_9ABC_DEF0, (1 << 63) - 1, -(1 << 63))


def test_the_c_gives_what_the_specification_means(gcc: str, tmp_path: Path):
    """Compiled for the machine, with a register file and a memory of known content."""
    memory = b"".join((number % WORD).to_bytes(8, "little") for number in NUMBERS)
    words = [number % WORD for number in NUMBERS]
    base, index = len(words), 1  # word 10 holds the address of the memory; word 1 holds 1
    places: list[Constant | Register | Memory] = [
        *(Constant(number) for number in NUMBERS),
        *(Register(word, shift) for word in range(len(words)) for shift in (0, 8)),
        *(Memory(base, 8 * at) for at in range(len(words))),
        *(Memory(base, 8 * at - 8, index, 8) for at in range(1, len(words))),
    ]

    def expected(argument: UsdtArgument) -> int:
        place = argument.place
        if isinstance(place, Constant):
            return extended(place.value, argument)
        if isinstance(place, Register):
            return extended(words[place.word] >> place.shift, argument)
        at = place.offset + (words[place.index] * place.scale if place.index is not None else 0)
        return extended(int.from_bytes(memory[at : at + 8], "little"), argument)

    arguments = [
        UsdtArgument(size, signed, place) for place in places for size in (1, 2, 4, 8) for signed in (False, True)
    ]
    lines = "\n".join(f'printf("%llu\\n", {argument_expression(a)});' for a in arguments)
    types = "\n".join(
        f"typedef {kind} s{bits}; typedef unsigned {kind} u{bits};"
        for kind, bits in (("char", 8), ("short", 16), ("int", 32), ("long long", 64))
    ).replace("typedef char", "typedef signed char")
    source = tmp_path / "expressions.c"
    source.write_text(
        f"""#include <stdio.h>
#include <string.h>
{types}
#define bpf_probe_read_user(to, size, from) memcpy(to, from, size)
static u64 memory[] = {{{", ".join(f"{word}ULL" for word in words)}}};
int main(void)
{{
	u64 args[] = {{{", ".join(f"{word}ULL" for word in words)}, (u64)memory}};
{lines}
	return 0;
}}
"""
    )
    program = tmp_path / "expressions"
    subprocess.run([gcc, "-w", "-O1", "-o", program, source], check=True)
    printed = subprocess.run([program], check=True, capture_output=True, text=True).stdout.split()

    assert [int(line) for line in printed] == [expected(argument) for argument in arguments]


def test_the_functions_are_what_a_reader_would_write():
    arguments = parse_arguments("-4@%eax 8@$5 4@-8(%rbp,%rcx,8)", "x86_64")

    assert argument_functions("usdt", [arguments, ()]) == (
        "static __always_inline u64 usdt_1(u64 *args, u32 n)\n{\n\tswitch (n) {\n"
        "\tcase 0:\n\t\treturn ((u64)(s64)(s32)args[10]);\n"
        "\tcase 1:\n\t\treturn 0x5ULL;\n"
        "\tcase 2:\n\t\treturn ({ u32 value = 0; bpf_probe_read_user(&value, sizeof(value), "
        "(const void *)(args[4] + args[11] * 8 + 0xfffffffffffffff8ULL)); (u64)value; });\n"
        "\t}\n\treturn 0;\n}\n"
        "static __always_inline u64 usdt_2(u64 *args, u32 n)\n{\n\treturn 0;\n}\n"
        "static __always_inline u64 usdt(u64 *args, u32 which, u32 n)\n{\n\tswitch (which) {\n"
        "\tcase 1:\n\t\treturn usdt_1(args, n);\n"
        "\tcase 2:\n\t\treturn usdt_2(args, n);\n"
        "\t}\n\treturn 0;\n}\n"
    )


@pytest.mark.bpf
@pytest.mark.usefixtures("bpf")
def test_nothing_is_left_of_arguments_that_are_not_asked_for():
    """Of a context as programs have it, where the number of the specification is a member."""
    two = [parse_arguments(text, "x86_64") for text in ("8@(%rax) 8@%rbx 8@8(%rax)", "8@%rax 8@(%rbx) 8@(%rcx)")]
    text = f"""
struct context {{
	u64 *args;
	u32 usdt;
}};
{argument_functions("usdt", two)}
static __always_inline u64 ask(struct context *ctx, u32 n)
{{
	return usdt(ctx->args, ctx->usdt, n);
}}
"""
    for which, n in ((1, 0), (1, 1), (2, 1), (2, 0)):
        text += f"""
int ask_{which}_{n}(u64 *args)
{{
	struct context ctx = {{.args = args, .usdt = {which}}};

	return ask(&ctx, {n}) == 42;
}}
"""
    names = ["ask_1_0", "ask_1_1", "ask_2_1", "ask_2_0"]
    with Compiler() as compiler:
        code = compiler.compile(text, names).code

    def reads(instructions: bytes) -> int:
        return sum(instructions[at] == CALL for at in range(0, len(instructions), 8))

    assert [reads(code[name]) for name in names] == [1, 0, 1, 0]
