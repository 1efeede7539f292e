"""Files of Retis 1.5 and 1.6: their events are those that the same file of 1.7 would have."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
import retis
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.event_json import EVENT, STARTUP, theirs, u32, u64, write_lines

from tracer_core.cli.options.input import Input
from tracer_core.events.objects import events_of
from tracer_core.files.json.reader import JsonLinesReader

if TYPE_CHECKING:
    from pathlib import Path

    from tracer_core.testing.command import Tracer

OLD = {"v1.6.4", "v1.5.0"}
ct = {"state": "new", "proto_state": "NONE", "parent": {"proto_state": "ESTABLISHED"}}


@st.composite
def today(draw: st.DrawFn) -> dict[str, Any]:
    """An event of 1.7."""
    more = st.fixed_dictionaries(
        {},
        optional={
            "netns": st.fixed_dictionaries({"inum": u32}, optional={"cookie": u64}),
            "dev": st.fixed_dictionaries({"name": st.sampled_from(["lo", "eth0"]), "ifindex": u32}),
        },
    )
    event = draw(theirs()) | draw(more)
    if event.get("skb") == {}:  # of it nothing would be left
        del event["skb"]
    return event


def then(event: dict[str, Any]) -> dict[str, Any]:
    """What 1.5 wrote for an event of 1.7."""
    found = copy.deepcopy(event)
    skb = found.pop("skb", {})
    if "packet" in found:
        packet = found.pop("packet")
        skb["packet"] = {"len": packet["len"], "capture_len": packet["capture_len"], "packet": packet["data"]}
    if "netns" in found:
        ns = found.pop("netns")
        skb["ns"] = {("netns" if name == "inum" else name): value for name, value in ns.items()}
    if "dev" in found:
        skb["dev"] = found.pop("dev")
    return found | ({"skb": skb} if skb else {})


def startup(version: str) -> dict[str, Any]:
    found = copy.deepcopy(STARTUP)
    found["startup"]["retis_version"] = version
    if "1.5" in version or "1.6" in version:
        del found["startup"]["machine"], found["startup"]["cmdline"]
    return found


def opened(path: Path) -> list[Any]:
    """Events, with sections as names and values: their order in JSON does not matter where nobody declares it."""
    with Input().open(path) as found:
        events = [event for batch in found.batches() for event in events_of(batch)]
    return [
        event._replace(sections={name: section._asdict() for name, section in event.sections.items()})  # type: ignore[attr-defined]
        for event in events
    ]


@settings(max_examples=40)
@given(found=st.lists(today(), min_size=1, max_size=6))
def test_an_event_of_an_old_file_is_what_it_would_be_today(
    tmp_path_factory: pytest.TempPathFactory, found: list[Any]
) -> None:
    folder = tmp_path_factory.mktemp("old")
    new = write_lines(folder / "1.7.json", found, startup("v1.7.0"))
    older = write_lines(folder / "1.6.json", found, startup("v1.6.4"))
    oldest = write_lines(folder / "1.5.json", map(then, found), startup("v1.5.0"))
    assert opened(older) == opened(new)
    assert opened(oldest) == opened(new)
    # and Retis thinks so, too
    assert texts(older) == texts(new)
    assert texts(oldest) == texts(new)


def texts(path: Path) -> list[str]:
    return list(map(str, retis.EventReader(str(path))))[1:]


@pytest.mark.parametrize("version", sorted(OLD))
def test_an_old_file_is_printed_and_what_it_does_not_say_is_unknown(
    tracer: Tracer, tmp_path: Path, version: str
) -> None:
    event = then(EVENT) if version == "v1.5.0" else EVENT
    old = write_lines(tmp_path / "old.json", [event], startup(version))
    new = write_lines(tmp_path / "new.json", [EVENT])
    about, shown = tracer.run("print", str(old)).stdout.split("\n\n", 1)
    assert about == f"1\n  collected with Retis {version}\n  on machine unknown unknown unknown\n  cmdline unknown"
    assert about == str(next(iter(retis.EventReader(str(old)))))
    assert shown == tracer.run("print", str(new)).stdout.split("\n\n", 1)[1]


@pytest.mark.parametrize("version", ["v1.5.0", "1.5.3-rc1", "v1.6.0+x", "v1.7.0-dev-12-gabc", "v2.1.3"])
def test_versions_from_1_5_on_are_read_as_retis_reads_them(tmp_path: Path, version: str) -> None:
    event = then(EVENT) if "1.5" in version else EVENT
    path = write_lines(tmp_path / "events.json", [event], startup(version))
    reference = write_lines(tmp_path / "reference.json", [EVENT])
    assert opened(path) == opened(reference)
    assert texts(path) == texts(reference)


@pytest.mark.parametrize("version", ["v1.4.9", "v0.9.0", "1", "1.2.3.4", 17, None])
def test_other_versions_are_refused_in_one_line(tracer: Tracer, tmp_path: Path, version: object) -> None:
    first = copy.deepcopy(STARTUP)
    first["startup"]["retis_version"] = version
    path = write_lines(tmp_path / "events.json", [EVENT], first)
    result = tracer.run("print", str(path))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith(f"Error: {path}, line 1: ")


def test_sections_of_collectors_that_are_not_installed_are_left_as_they_were(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "events.json", [{**EVENT, "ct": {**ct, "tcp_state": "NONE"}}], startup("v1.6.4"))
    with JsonLinesReader(path, ()) as reader:
        [event] = [event for batch in reader.batches() for event in events_of(batch)]
    assert event.sections["ct"]._asdict() == {**ct, "tcp_state": "NONE"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("skb", [3, [], "x", {"packet": 3}, {"packet": []}, {"ns": "x"}, {"dev": 0.5}])
def test_an_old_event_that_is_none_is_an_error_that_names_its_line(tracer: Tracer, tmp_path: Path, skb: object) -> None:
    path = write_lines(tmp_path / "events.json", [then(EVENT), {**EVENT, "skb": skb}], startup("v1.5.0"))
    result = tracer.run("print", str(path))
    assert result.returncode == 1
    assert "ip_rcv" in result.stdout
    assert result.stderr.count("\n") == 1
    assert f"{path}, line 3: " in result.stderr
