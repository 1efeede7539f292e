"""Asking a daemon at its control socket: over a socket that is one."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from plugins.ovs.tests.enrich.fake_daemon import FakeDaemon, fake_daemon

from tracer_ovs.enrich.unixctl import Control, ControlError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[FakeDaemon]:
    with fake_daemon(tmp_path / "daemon.ctl") as found:
        yield found


@pytest.fixture
def control(daemon: FakeDaemon) -> Iterator[Control]:
    with Control(lambda: daemon.path, timeout=5) as found:
        yield found


def test_a_command_is_given_its_parameters_and_what_it_answers_is_the_result(
    daemon: FakeDaemon, control: Control
) -> None:
    daemon.answers["greet"] = lambda *names: f"hello {' and '.join(names)} \N{SNOWMAN} }}\n"
    assert control.call("greet", "a", "b") == "hello a and b \N{SNOWMAN} }\n"
    assert daemon.asked == [("greet", "a", "b")]


def test_one_connection_serves_many_calls(daemon: FakeDaemon, control: Control) -> None:
    daemon.answers["long"] = lambda: "x" * 1_000_000
    assert [len(control.call("long")) for _ in range(3)] == [1_000_000] * 3
    assert daemon.connections == 1


def test_the_commands_are_known_by_their_names(daemon: FakeDaemon, control: Control) -> None:
    daemon.answers["ofproto/detrace"] = lambda: ""
    assert control.commands() == {"list-commands", "ofproto/detrace"}


def test_what_a_command_fails_with_is_told_in_one_line(daemon: FakeDaemon, control: Control) -> None:
    daemon.answers["fail"] = lambda: ValueError("no\nflow")
    with pytest.raises(ControlError, match=r"^fail: no flow$"):
        control.call("fail")
    with pytest.raises(ControlError, match='"nothing" is not a valid command'):
        control.call("nothing")
    assert daemon.connections == 1


def test_a_daemon_that_does_not_answer_is_not_waited_for(daemon: FakeDaemon) -> None:
    daemon.answers["wait"] = lambda: None
    with Control(lambda: daemon.path, timeout=0.05) as control, pytest.raises(ControlError, match=r"within 0\.05 s"):
        control.call("wait")


def test_an_answer_that_comes_too_late_is_not_taken_for_another(daemon: FakeDaemon) -> None:
    go_on = threading.Event()
    daemon.answers["wait"] = lambda: "late" if go_on.wait(60) else None
    daemon.answers["greet"] = lambda: "hello"
    with Control(lambda: daemon.path, timeout=0.2) as control:
        with pytest.raises(ControlError):
            control.call("wait")
        go_on.set()
        assert patient(control, "greet") == "hello"
    assert daemon.connections >= 2


def patient(control: Control, method: str) -> str:
    """The answer, from a machine that may be busy."""
    for _ in range(100):
        with suppress(ControlError):
            return control.call(method)
    raise AssertionError(method)


def test_a_connection_that_was_lost_is_made_anew_by_the_next_call(daemon: FakeDaemon, control: Control) -> None:
    daemon.answers["greet"] = lambda: "hello"
    assert control.call("greet") == "hello"
    daemon.hang_up()
    with pytest.raises(ControlError):
        control.call("greet")
    assert control.call("greet") == "hello"


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (json.dumps({"id": 99, "result": "", "error": None}).encode(), "that of something else"),
        (b"[1, {}]", "within 0.2 s"),
        (b'{"id": 1, "result": "\xff"}', "within 0.2 s"),
        (b"}}}}", "within 0.2 s"),
    ],
)
def test_a_reply_that_is_none_is_an_error(daemon: FakeDaemon, reply: bytes, reason: str) -> None:
    daemon.answers["greet"] = lambda: reply
    with Control(lambda: daemon.path, timeout=0.2) as control, pytest.raises(ControlError, match=reason):
        control.call("greet")


def test_where_nobody_listens_the_reason_is_told(tmp_path: Path) -> None:
    with Control(lambda: tmp_path / "nothing.ctl") as control, pytest.raises(ControlError, match="No such file"):
        control.call("greet")
