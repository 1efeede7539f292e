"""Collectors that are written for one test and found like installed ones."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

TEMPLATE = '''
from typing import NamedTuple
from tracer_core.api import (
    U32, BpfSource, CollectorSpec, Decoder, Formatter, Fragment, Probe, ProfileSource, Unavailable, hookimpl, recorded,
    section
)

@section("demo")
class Demo(NamedTuple):
    """A test's."""

    length: U32
    """Bytes."""

C = """
static __always_inline int NAME_collect(struct tracer_ctx *ctx, struct tracer_event *event)
{
	struct section_demo *demo = tracer_add(event, demo);

	if (!demo)
		return TRACER_NOTHING;
	demo->length = TRACER_GET(ctx, ctx->sk_buff, len);
	return TRACER_OK;
}
"""

@hookimpl
def tracer_collector():
    return CollectorSpec("NAME", "A test's.", sections=(Demo,))

@hookimpl
def tracer_fragments():
    return [Fragment("NAME_collect", BpfSource(C, "NAME.bpf.c"), needs=("struct sk_buff *",), emits=(Demo,))]
'''


@pytest.fixture
def write_collector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Writes a collector that is as it should be, with something else added, and gives its name."""
    names: list[str] = []

    def write(more: str = "", *, instead: tuple[str, str] = ("", "")) -> str:
        name = f"written_{len(names)}"
        names.append(name)
        info = tmp_path / f"{name}-0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0\n")
        (info / "entry_points.txt").write_text(f"[tracer.collectors]\n{name} = {name}\n")
        text = TEMPLATE.replace(*instead) + dedent(more)
        (tmp_path / f"{name}.py").write_text(text.replace("NAME", name))
        monkeypatch.syspath_prepend(tmp_path)
        return name

    yield write
    for name in names:
        sys.modules.pop(name, None)
