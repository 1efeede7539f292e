"""``--allow-system-changes`` on the command line, before anything is changed."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracer_core.testing import kernels

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Result

KERNEL = str(Path(kernels.__file__).parent / "6.12")
DRY = ("collect", "-p", "tp:net:netif_receive_skb", "--kernel", KERNEL, "--dry-run")
COLLECTOR = """
from tracer_core.api import BpfSource, Change, CollectorSpec, Fragment, hookimpl
CODE = "static __always_inline int changing_run(struct tracer_ctx *c, struct tracer_event *e) { return TRACER_OK; }"
@hookimpl
def tracer_collector():
    return CollectorSpec("changing", "Changes something.")
@hookimpl
def tracer_fragments():
    return [Fragment("changing_run", BpfSource(CODE, "changing.bpf.c"), needs=("struct sk_buff *",))]
@hookimpl
def tracer_changes(run):
    return [Change(f"thing {run}", do=("PROGRAM", "make", f"a thing {run}"), undo=("true",))]
"""


@pytest.fixture
def changing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Installs a collector that has something changed by a program."""

    def install(program: str) -> None:
        (tmp_path / "changing.py").write_text(COLLECTOR.replace("PROGRAM", program))
        folder = tmp_path / "changing-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: changing\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text("[tracer.collectors]\nchanging = changing\n")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "changing", raising=False)

    return install


def test_only_root_may_change_the_system(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    result = run("collect", "-c", "skb", "-p", "tp:net:netif_receive_skb", "--allow-system-changes")
    assert result.code == 4
    assert "tracer needs to be run as root when --allow-system-changes is used" in result.error


def test_a_dry_run_prints_what_would_be_changed_and_needs_no_privileges(
    run: Callable[..., Result], changing: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    changing("true")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    result = run(*DRY, "-c", "changing", "--allow-system-changes")
    assert result.code == 0
    last = result.out.splitlines()[-1]
    assert last.startswith(f"change for changing: thing {os.getpid()}_")
    assert ": true make 'a thing " in last


def test_without_the_option_nothing_would_be_changed(
    run: Callable[..., Result], changing: Callable[[str], None]
) -> None:
    changing("no-such-program")
    result = run(*DRY, "-c", "changing")
    assert result.code == 0
    assert "change" not in result.out.replace("collector changing", "").replace("(changing", "").replace(
        "changing_", ""
    )


def test_a_collector_whose_program_is_missing_cannot_run_with_it(
    run: Callable[..., Result], changing: Callable[[str], None]
) -> None:
    changing("no-such-program")
    result = run(*DRY, "-c", "changing", "--allow-system-changes")
    assert result.code == 3
    assert "cannot run collector changing (changing 1.0): no-such-program binary not available" in result.error
    result = run(*DRY, "-c", "auto,skb", "--allow-system-changes")
    assert result.code == 0
    assert "collector changing" not in result.out
