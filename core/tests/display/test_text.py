from __future__ import annotations

import dataclasses
from typing import NamedTuple

import pytest

from tracer_core.display.head import utc
from tracer_core.display.text import TextFormat
from tracer_core.errors import PluginError
from tracer_core.events.about import About
from tracer_core.events.batch import SectionColumns
from tracer_core.events.form import UnknownSection
from tracer_core.files.arrow.form import form_from_json
from tracer_core.plugins.declaration import Owner
from tracer_core.sections import Event, Header, ProbeInfo
from tracer_core.testing.events import batch_of, text_of
from tracer_core.types import Formatter, Place, TextOptions
from tracer_core.wire import U32, section


@section("alpha")
class Alpha(NamedTuple):
    value: U32


@section("beta")
class Beta(NamedTuple):
    value: U32
    other: U32


OWNER = Owner("demo", "tracer-demo", "1.0")
PROBE = ProbeInfo("net:netif_receive_skb", "raw_tracepoint", "tp")


def event(*, pid: int = 985, tgid: int = 995, **sections: tuple[int, ...]) -> Event:
    return Event(Header(2048, 0, 0, pid, tgid, 1, 0, b"ping"), PROBE, sections)


def text(*formatters: Formatter, multi_line: bool = True) -> TextFormat:
    return TextFormat([(OWNER, formatter) for formatter in formatters], TextOptions(multi_line=multi_line))


def test_the_first_line_names_time_cpu_task_and_probe() -> None:
    assert text_of(text(), event()) == "2048 (1) [ping] 985/995 [tp] net:netif_receive_skb\n\n"


def test_a_task_with_one_thread_is_one_number() -> None:
    assert text_of(text(), event(pid=10, tgid=10)).startswith("2048 (1) [ping] 10 [tp] ")


def test_of_a_probe_in_a_process_the_name_of_the_file_is_shown() -> None:
    probe = ProbeInfo("dpif_recv:recv_upcall", "usdt", "u", "/usr/sbin/ovs-vswitchd")
    shown = text_of(text(), Event(event().header, probe))
    assert shown == "2048 (1) [ping] 985/995 [u] dpif_recv:recv_upcall (ovs-vswitchd)\n\n"


def test_parts_are_lines_of_their_own_in_the_declared_order() -> None:
    formatters = (
        Formatter(Alpha, lambda alpha, _: f"alpha {alpha.value}\nmore", after=("beta",)),
        Formatter(Beta, lambda beta, _: f"beta {beta.value}"),
    )
    both = event(alpha=Alpha(1), beta=Beta(2, 3))
    first = "2048 (1) [ping] 985/995 [tp] net:netif_receive_skb"
    assert text_of(text(*formatters), both) == f"{first}\n  beta 2\n  alpha 1\n  more\n\n"


def test_single_line_format_joins_everything_by_spaces() -> None:
    formatters = (Formatter(Alpha, lambda alpha, _: f"a{alpha.value}"), Formatter(Beta, lambda _, __: "b"))
    line = text_of(text(*formatters, multi_line=False), event(alpha=Alpha(1), beta=Beta(2, 3)))
    assert line == "2048 (1) [ping] 985/995 [tp] net:netif_receive_skb a1 b\n"


def test_a_section_may_have_its_text_on_the_first_line() -> None:
    formatter = Formatter(Alpha, lambda alpha, _: f"#{alpha.value}", place=Place.HEAD)
    assert text_of(text(formatter), event(alpha=Alpha(9))).splitlines()[0].endswith("net:netif_receive_skb #9")


def test_a_section_that_nobody_formats_is_shown_field_by_field() -> None:
    assert text_of(text(), event(beta=Beta(2, 3))).splitlines()[1] == "  beta value 2 other 3"


def test_no_text_is_no_part() -> None:
    assert text_of(text(Formatter(Alpha, lambda _, __: "")), event(alpha=Alpha(1))).count("\n") == 2


def test_a_formatter_that_raises_is_blamed_by_name() -> None:
    broken = text(Formatter(Alpha, lambda alpha, _: alpha.gone))
    with pytest.raises(PluginError, match=r"collector demo \(tracer-demo 1.0\): formatting section alpha failed"):
        text_of(broken, event(alpha=Alpha(1)))


def test_two_formatters_of_different_collectors_for_one_section_are_refused() -> None:
    formatter = Formatter(Alpha, lambda _, __: "")
    with pytest.raises(PluginError, match="section alpha is formatted by both"):
        TextFormat([(OWNER, formatter), (Owner("other"), formatter)], TextOptions())


def test_a_date_is_cut_not_rounded() -> None:
    assert utc(1_742_339_565_860_103_999) == "2025-03-18 23:12:45.860103"
    assert utc(0) == "1970-01-01 00:00:00.000000"


def test_with_the_offset_of_the_clocks_times_are_dates() -> None:
    format_ = TextFormat([], TextOptions(), utc=True)
    format_.begin(About("tracer 1", "", 0, 1_700_000_000_000_000_000, "", "", ""))
    assert text_of(format_, event()).startswith("2023-11-14 22:13:20.000002 (1) [ping] ")


@pytest.mark.parametrize("declared", [True, False])
def test_a_section_that_is_not_of_the_formatters_class_is_shown_field_by_field(declared: bool) -> None:
    batch = batch_of([event(alpha=UnknownSection.of({"value": 2, "other": 3}))])
    if declared:  # by the file that has it
        form = form_from_json("alpha", 2, {"value": "uint32", "other": "uint32"})
        section = SectionColumns.of(form, None, [form.cls._make((2, 3))])
        batch = dataclasses.replace(batch, sections=(section,), undeclared=None)
    formatter = Formatter(Alpha, lambda alpha, _: f"alpha {alpha.value}")
    (shown,) = text(formatter, multi_line=False).lines(batch)
    assert shown.endswith(" alpha value 2 other 3\n")


@section("between")
class Between(NamedTuple):
    value: U32


def test_what_stands_beside_a_section_stays_with_it_whatever_comes_between_by_name() -> None:
    shown = text_of(
        text(
            Formatter(Alpha, lambda alpha, _: f"alpha {alpha.value}"),
            Formatter(Between, lambda between, _: f"between {between.value}", after=("alpha",)),
            Formatter(Beta, lambda beta, _: f"beta {beta.value}", after=("between",), beside="alpha"),
        ),
        event(alpha=Alpha(1), beta=Beta(2, 3), between=Between(4)),
    )
    assert shown.splitlines()[1:3] == ["  alpha 1 beta 2", "  between 4"]
