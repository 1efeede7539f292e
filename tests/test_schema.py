"""``tracer schema``: what all lines of event files are, and what they are not."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripts.pages.likeness import is_among
from tests.event_json import EVENT, STARTUP, USER_EVENT, events, write_lines

from tracer_core.cli.main import run
from tracer_core.cli.options.input import Input
from tracer_core.events.form import form_of
from tracer_core.files.json.schema import schema

if TYPE_CHECKING:
    from pathlib import Path

    from scripts.pages.blocks import Block

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces

FULL = {
    **EVENT,
    "return": {"entered": 1, "duration": 2, "value": -3, "form": 1},
    "tracking": {"idx": 3, "skb": EVENT["skb-tracking"]},
    "tracer": {"probe_type": "fexit", "lost": 3},
}


@pytest.fixture(scope="module")
def validator() -> Any:  # noqa: ANN401 - the package has no types
    """It says whether a line is an event."""
    return jsonschema.Draft202012Validator(schema(map(form_of, Input().sections())))


def test_the_command_prints_a_schema_of_the_draft_that_it_names(tracer: Tracer, validator: Any) -> None:  # noqa: ANN401
    result = tracer.run("schema")
    assert (result.returncode, result.stderr) == (0, "")
    printed = json.loads(result.stdout)
    assert printed["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert printed["title"] == "Retis Metadata"
    jsonschema.Draft202012Validator.check_schema(printed)
    assert printed["properties"].keys() == validator.schema["properties"].keys()
    assert set(printed["properties"]) >= {"common", "kernel", "userspace", "startup", "packet", "skb", "skb-tracking"}


def test_every_field_is_described(validator: Any) -> None:  # noqa: ANN401
    def undescribed(name: str, value: Any) -> list[str]:  # noqa: ANN401
        inner = value.get("properties", {}) if isinstance(value, dict) else {}
        here = [] if "description" in value or "/" not in name else [name]
        return here + [one for key, item in inner.items() for one in undescribed(f"{name}/{key}", item)]

    missing = [one for name, value in validator.schema["$defs"].items() for one in undescribed(name, value)]
    told_by_their_owner = ("startup/clock_monotonic_offset/", "startup/machine/", "startup/split_file/")
    assert [one for one in missing if not one.startswith(told_by_their_owner)] == []


@pytest.mark.parametrize("event", [STARTUP, EVENT, USER_EVENT, FULL], ids=["startup", "kernel", "userspace", "full"])
def test_events_are_valid(validator: Any, event: object) -> None:  # noqa: ANN401
    validator.validate(event)


@settings(max_examples=60)
@given(found=events())
def test_any_event_that_can_be_read_and_written_is_valid(validator: Any, found: object) -> None:  # noqa: ANN401
    validator.validate(found)


@settings(max_examples=15)
@given(found=st.lists(events(), max_size=5))
def test_what_is_written_is_valid(
    tmp_path_factory: pytest.TempPathFactory,
    validator: Any,  # noqa: ANN401
    found: list[Any],
) -> None:
    folder = tmp_path_factory.mktemp("schema")
    end = {"common": {"timestamp": 9}, "tracer": {"end": {"lost": {"a": 3}, "missed": []}}}
    source = write_lines(folder / "in.json", [*found, end])
    assert run(["convert", str(source), str(folder / "between.arrow")]) == 0
    assert run(["convert", str(folder / "between.arrow"), str(folder / "out.json")]) == 0
    lines = (folder / "out.json").read_text().splitlines()
    assert len(lines) == 2 + len(found)
    for line in lines:
        validator.validate(json.loads(line))


@pytest.mark.bpf
def test_what_a_run_writes_is_valid(
    tracer: Tracer,
    two_netns: TwoNamespaces,
    tmp_path: Path,
    validator: Any,  # noqa: ANN401
    shown: tuple[Block, ...],
) -> None:
    path, receive = tmp_path / "events.json", "tp:net:netif_receive_skb"
    options = ("-p", receive, "-p", f"{receive}/stack", "--netns", two_netns.b.name, "--skb-sections", "all")
    with tracer.collect(*options, "-o", str(path), "-r", "1MB") as collecting:
        two_netns.run(two_netns.a, ["ping", "-c", "2", "-i", "0.1", two_netns.b.ipv4])
    assert collecting.exit_code == 0, collecting.report()
    text = path.with_suffix(".json.0").read_text()
    (block,) = shown
    assert all(is_among(line, text.splitlines()) for line in block.lines), text
    lines = [json.loads(line) for line in text.splitlines()]
    assert lines[0]["startup"]["split_file"] == {"id": 0, "policy": {"kind": "size", "limit": 1_000_000}}
    assert any("skb" in line for line in lines)
    for line in lines:
        validator.validate(line)


WRONG = [
    ("common", ...),
    ("common.timestamp", ...),
    ("common.timestamp", -1),
    ("common.timestamp", 2**64),
    ("common.timestamp", "1"),
    ("common.timestamp", 1.5),
    ("common.smp_id", None),
    ("common.smp_id", 2**32),
    ("common.task.comm", 3),
    ("common.task.pid", ...),
    ("kernel.symbol", ...),
    ("kernel.probe_type", 1),
    ("kernel.stack_trace", "a"),
    ("kernel.stack_trace", [1]),
    ("packet.data", [1, 2]),
    ("packet.len", True),
    ("packet.capture_len", ...),
    ("skb", []),
    ("skb.meta", 3),
    ("skb.meta.len", "1"),
    ("skb.meta.hash", ...),
    ("skb.meta.ip_summed", 256),
    ("skb.data_ref.nohdr", 1),
    ("skb.vlan_accel.vid", 65536),
    ("skb-tracking.skb", -1),
    ("tracking.skb.skb", ...),
    ("return.value", 2**63),
    ("tracer.lost", "1"),
]


@pytest.mark.parametrize(("place", "value"), WRONG)
def test_wrong_values_are_not(validator: Any, place: str, value: object) -> None:  # noqa: ANN401
    event = copy.deepcopy(FULL)
    holder: Any = event
    *path, last = place.split(".")
    for name in path:
        holder = holder[name]
    if value is ...:
        del holder[last]
    else:
        holder[last] = value
    assert not validator.is_valid(event)


@pytest.mark.parametrize(
    ("place", "value"),
    [("retis_version", 1), ("clock_monotonic_offset", {"sec": 1}), ("split_file", {"id": -1}), ("machine", "x")],
)
def test_wrong_startups_are_not(validator: Any, place: str, value: object) -> None:  # noqa: ANN401
    assert not validator.is_valid({**STARTUP, "startup": {**STARTUP["startup"], place: value}})


def test_sections_of_others_are_left_alone(validator: Any) -> None:  # noqa: ANN401
    validator.validate({**EVENT, "strange": {"a": [None]}, "skb": {**EVENT["skb"], "more": "x"}})
