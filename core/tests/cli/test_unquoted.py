"""Values of several words without quotation marks, and several values behind one option: what users are told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracer_core.cli.commands.collect import collect
from tracer_core.cli.commands.inspect import inspect
from tracer_core.testing import kernels

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Result

KERNEL = str(Path(kernels.__file__).parent / "6.18")
DRY = ("collect", "--kernel", KERNEL, "--dry-run", "-c", "sample", "-p", "tp:net:netif_rx", "--utc")


@pytest.fixture
def error(install: Callable[..., None], run: Callable[..., Result]) -> Callable[[str], str]:
    """What is said of a line that a shell takes apart at its blanks."""
    install("good")
    return lambda line: run(*DRY, *line.split()).error


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("--cmd sleep 1", "extra argument (1); quote the whole command: --cmd 'sleep …'"),
        ("--cmd=sleep 1 --utc", "extra argument (1); quote the whole command: --cmd 'sleep …'"),
        ("--cmd ping -c 1 192.0.2.2", "); quote the whole command: --cmd 'ping …'"),
        ("--cmd iperf3 -c 192.0.2.2", "); quote the whole command: --cmd 'iperf3 …'"),
        ("-f icmp --cmd ping -c1 192.0.2.2", "); quote the whole command: --cmd 'ping …'"),
        ("--cmd ip -n blue link", "'-n'; if it is of the command, quote that: --cmd 'ip …'"),
        ("--cmd ping -4q 192.0.2.2", "'-4'; if it is of the command, quote that: --cmd 'ping …'"),
    ],
)
def test_a_command_without_quotation_marks_is_answered_with_them(
    error: Callable[[str], str], line: str, hint: str
) -> None:
    assert error(line).replace('"', "'").endswith(hint)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("--cmd iperf3 -c server", "iperf3 -c server"),
        ("--cmd=iperf3 -cserver --utc", "iperf3 -cserver"),
        ("--cmd iperf3 -c server -o x.arrow", "iperf3 -c server …"),
        ("--cmd iperf3 -c server,sample", "iperf3 -c server,sample"),
    ],
)
def test_a_collector_that_there_is_not_may_be_of_a_command_without_quotation_marks(
    error: Callable[[str], str], line: str, command: str
) -> None:
    hint = f"; if it is of the command, quote that: --cmd '{command}'; if there is such a package: pip install tracer-"
    assert error(line).endswith(f"{hint}server")


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("-f host 192.0.2.1", "; quote the whole filter: -f 'host 192.0.2.1'"),
        ("-f icmp and host 192.0.2.1 --utc", "; quote the whole filter: -f 'icmp and host 192.0.2.1'"),
        ("--filter-packet tcp port 80", "; quote the whole filter: -f 'tcp port 80'"),
        ("-m sk_buff.mark == 1", "; quote the whole filter: -m 'sk_buff.mark == 1'"),
        ("--filter-meta=sk_buff.mark == 1", "; quote the whole filter: -m 'sk_buff.mark == 1'"),
    ],
)
def test_a_filter_without_quotation_marks_is_answered_with_them(
    error: Callable[[str], str], line: str, hint: str
) -> None:
    assert error(line).endswith(hint)


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("-p ip_rcv ip_output", "; give each by itself: -p ip_rcv -p ip_output"),
        ("-p ip_rcv, tcp_*", "; give each by itself: -p ip_rcv -p 'tcp_*'"),
        ("--netns a b --utc", "; give each by itself: --netns a --netns b"),
        ("-c sample sample", "; put commas between, and no blanks: -c sample,sample"),
        ("-c sample, sample", "; put commas between, and no blanks: -c sample,sample"),
    ],
)
def test_several_values_behind_one_option_are_answered_with_how_they_are_given(
    error: Callable[[str], str], line: str, hint: str
) -> None:
    assert error(line).endswith(hint)


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("extra", "extra argument (extra); see: tracer collect --help"),
        ("--ring-size 1M extra", "extra argument (extra); see: tracer collect --help"),
        ("--utc extra --cmd true", "extra argument (extra); see: tracer collect --help"),
        ("-c no_such --cmd ping -c 1 192.0.2.2", "; if there is such a package: pip install tracer-no-such"),
        ("--cmd true -c simple", "; did you mean sample?"),
        ("--cmd true --stop-afer 1", "; see: tracer collect --help"),
        ("-4 --cmd true", "'-4'; see: tracer collect --help"),
    ],
)
def test_other_mistakes_beside_a_command_or_a_filter_are_not_taken_for_that(
    error: Callable[[str], str], line: str, hint: str
) -> None:
    assert error(line).replace('"', "'").endswith(hint)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(st.sampled_from(["ping", "-c", "1", "-p", "--utc", "-4", "a", "--no", "x=y"]), min_size=2))
def test_a_command_in_quotation_marks_is_never_told_to_have_some(
    install: Callable[..., None], run: Callable[..., Result], words: list[str]
) -> None:
    install("good")
    for more, code in (((), 0), (("extra",), 2), (("-c", "1"), 3)):
        result = run(*DRY, "--cmd", " ".join(words), *more)
        assert result.code == code
        assert "quote" not in result.err


def test_commands_whose_options_are_looked_at_have_no_arguments_beside_them() -> None:
    assert [
        param.name for command in (collect, inspect) for param in command.params if param.param_type_name != "option"
    ] == []
