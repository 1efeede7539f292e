"""What decoders make of fields, in Arrow files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NamedTuple

import pytest
from core.tests.files.arrow_samples import (
    Sent,
    batch_of,
    declaration,
    decoded,
    plan_of,
    read,
    write,
)

from tracer_core.errors import PluginError
from tracer_core.types import Columns, Decoder
from tracer_core.wire import U32, Blob, Chars, Scalar, section


@section("shown")
class Shown(NamedTuple):
    """What decoders make of fields."""

    reason: Annotated[str, Scalar("u32", "<u4", 4)]
    flag: Annotated[bool, Scalar("u8", "u1", 1)]
    maybe: Annotated[int | None, Scalar("u32", "<u4", 4)]
    ratio: Annotated[float, Scalar("u32", "<u4", 4)]
    device: Annotated[str, Chars(16)]
    bare: Annotated[bytes, Chars(3)]
    size: U32
    frames: Annotated[tuple[str, ...], Blob(64, "size")]


SHOWN: dict[str, list[Any]] = {
    "reason": ["no socket", "no route"],
    "flag": [True, False],
    "maybe": [None, 7],
    "ratio": [0.5, 1.5],
    "device": ["eth0", "\N{SNOWMAN}"],
    "bare": [b"a", b"\xff\\"],
    "size": [3, 4],
    "frames": [(), ("ip_rcv+0x0", "é")],
}
SHOWN_SENT = [
    Sent(1, 0, b"x", (bytes(36),), b"abc"),
    Sent(2, 0, b"x", (None,)),
    Sent(3, 0, b"x", (bytes(36),), b"abcd"),
]


def shown(**changed: list[Any]) -> Decoder:
    def decode(columns: Columns) -> Columns:
        return {name: (SHOWN | changed)[name] for name in columns}

    return Decoder(Shown, decode)


def test_what_decoders_make_of_fields_is_kept(tmp_path: Path) -> None:
    plan, readers = plan_of([Shown]), [declaration(shown())]
    batch = batch_of(plan, SHOWN_SENT)
    path = write(tmp_path / "f", plan, batch, readers=readers)
    events = read(path, Shown)
    assert events == decoded(plan, batch, readers=readers)
    assert events[2].get(Shown) == Shown("no route", False, 7, 1.5, "\N{SNOWMAN}", b"\xff\\", 4, ("ip_rcv+0x0", "é"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": [1, 2**32]},
        {"size": ["a", "b"]},
        {"reason": [1, 2]},
        {"frames": [1, 2]},
        {"reason": ["\ud800", ""]},
        {"bare": [1, 2]},
    ],
)
def test_a_decoder_that_gives_something_else_is_blamed(tmp_path: Path, wrong: dict[str, list[Any]]) -> None:
    plan, (field,) = plan_of([Shown]), wrong
    with pytest.raises(PluginError, match=f"section shown: field {field} is not "):
        write(tmp_path / "f", plan, batch_of(plan, SHOWN_SENT), readers=[declaration(shown(**wrong))])


def test_sections_that_files_cannot_hold_are_refused_before_anything_happens(tmp_path: Path) -> None:
    @section("odd")
    class Odd(NamedTuple):
        value: Annotated[dict[str, int], Scalar("u32", "<u4", 4)]

    @section("kernel")
    class Taken(NamedTuple):
        value: U32

    odd = declaration(Decoder(Odd, lambda columns: columns))
    with pytest.raises(PluginError, match="section odd: field value is dict"):
        write(tmp_path / "f", plan_of([Odd]), readers=[odd])
    with pytest.raises(PluginError, match="section kernel cannot be written"):
        write(tmp_path / "f", plan_of([Taken]))
