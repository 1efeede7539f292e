"""Connections in files of every kind and back, against the schema, and out of files of Retis 1.5 and 1.6."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plugins.ct.tests.samples import THEIRS, connections, cts, others
from plugins.ct.tests.test_text_oracle import event, written

from tracer_core.cli.main import run
from tracer_core.events.form import form_of
from tracer_core.events.objects import events_of
from tracer_core.files.json.reader import JsonLinesReader
from tracer_core.files.json.schema import schema
from tracer_ct.plugin import tracer_upgrades
from tracer_ct.sections import Connection, Ct, CtOther

if TYPE_CHECKING:
    from pathlib import Path

    from tracer_core.sections import Event

found_events = st.builds(
    lambda ct, other: event(**({"ct": ct} if ct else {}), **({"ct_other": other} if other else {})),
    st.none() | cts,
    st.none() | others,
)


def read(path: Path) -> list[Event]:
    with JsonLinesReader(path, [Ct, CtOther], tuple(tracer_upgrades())) as reader:
        return [found for batch in reader.batches() for found in events_of(batch)]


@settings(max_examples=25)
@given(sent=st.lists(found_events, max_size=12))
def test_no_kind_of_file_changes_a_connection(tmp_path_factory: pytest.TempPathFactory, sent: list[Event]) -> None:
    folder = tmp_path_factory.mktemp("files")
    names = ["events.json", "events.arrow", "events.parquet", "again.json"]
    written(folder / names[0], sent)
    for source, target in pairwise(names):
        assert run(["convert", str(folder / source), str(folder / target)]) == 0
    validator = jsonschema.Draft202012Validator(schema(map(form_of, (Ct, CtOther))))
    for name in (names[0], names[-1]):
        assert [found.sections for found in read(folder / name)] == [each.sections for each in sent]
        for line in (folder / name).read_text().splitlines():
            validator.validate(json.loads(line))


def test_the_json_has_the_names_and_the_order_of_retis(tmp_path: Path) -> None:
    text = (
        '{"state":"new","zone_id":0,"zone_dir":"Default",'
        '"orig":{"ip":{"src":"1.1.1.1","dst":"2.2.2.2","version":"v4"},"proto":{"sctp":{"sport":1,"dport":2,"vtag":3}}},'
        '"reply":{"ip":{"src":"2.2.2.2","dst":"1.1.1.1","version":"v4"},"proto":{"sctp":{"sport":2,"dport":1,"vtag":4}}},'
        '"proto_state":"NONE","mark":7,"labels":{"hi":18446744073709551615,"lo":1},"ct_status":8}'
    )
    whole = text[:-1] + ',"parent":' + "{" + text[len('{"state":"new",') :] + "}"
    path = written(tmp_path / "events.json", [])
    path.write_text(path.read_text() + '{"common":{"timestamp":1},"ct":' + whole + "}\n")
    assert run(["convert", str(path), str(tmp_path / "out.json")]) == 0
    assert f'"ct":{whole}' in (tmp_path / "out.json").read_text().splitlines()[1]


def _old(connection: dict[str, Any], *, status: bool) -> None:
    if "proto_state" in connection:
        connection["tcp_state"] = connection.pop("proto_state")
    if not status:
        del connection["ct_status"]
    if "parent" in connection:
        _old(connection["parent"], status=status)


@settings(max_examples=25)
@given(sent=st.lists(cts, min_size=1, max_size=5), version=st.sampled_from(["v1.5.2", "v1.6.4"]))
def test_older_files_give_what_they_would_have_today(
    tmp_path_factory: pytest.TempPathFactory, sent: list[Ct], version: str
) -> None:
    path = written(tmp_path_factory.mktemp("old") / "events.json", [event(ct=ct) for ct in sent])
    first, *lines = map(json.loads, path.read_text().splitlines())
    first["startup"]["retis_version"] = version
    for line in lines:
        _old(line["ct"], status="1.6" in version)
    path.write_text("".join(json.dumps(line) + "\n" for line in (first, *lines)))
    found = [each.get(Ct) for each in read(path)]
    if "1.6" in version:
        assert found == sent
    else:
        parents = [ct.parent and ct.parent._replace(ct_status=0) for ct in sent]
        assert found == [ct._replace(ct_status=0, parent=p) for ct, p in zip(sent, parents, strict=True)]


@settings(max_examples=10)
@given(connections(THEIRS))
def test_the_fields_of_a_parent_are_those_of_a_connection(connection: Connection) -> None:
    assert ("state", *Connection._fields, "parent") == Ct._fields
    assert Ct("new", *connection, None)[1:-1] == tuple(connection)
