"""What the name of a file says of what is written to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracer_core.cli.options.output import Kind
from tracer_core.errors import UsageError
from tracer_core.testing import kernels

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Result

KERNEL = str(Path(kernels.__file__).parent / "6.18")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.arrow", Kind.ARROW),
        ("a.arrows", Kind.ARROW),
        ("a.parquet", Kind.PARQUET),
        ("a.json", Kind.JSON),
        ("a.jsonl", Kind.JSON),
        ("retis.data", Kind.JSON),
        ("sorted", Kind.JSON),
        ("v1.6/sorted", Kind.JSON),
        ("/dev/stdout", Kind.JSON),
    ],
)
def test_a_name_tells_the_format_and_what_retis_would_write_is_json(name: str, kind: Kind) -> None:
    assert Kind.of(Path(name)) is kind


@pytest.mark.parametrize("name", ["a.txt", "a.pcap", "retis.data.0", "a.json.gz"])
def test_another_extension_is_refused_and_the_hint_says_which_is_that_of_retis(name: str) -> None:
    with pytest.raises(UsageError, match="the name tells no format") as error:
        Kind.of(Path(name))
    assert error.value.hint == "name it FILE.arrow, FILE.parquet, or FILE.json, which is the format of Retis"


def test_a_format_that_a_command_does_not_write_is_not_offered_by_it(
    tmp_path: Path, install: Callable[..., None], run: Callable[..., Result]
) -> None:
    install("good")
    arguments = ("-c", "sample", "-p", "tp:net:netif_rx", "--kernel", KERNEL, "--replay-raw", str(tmp_path / "none"))
    result = run("collect", *arguments, "-o", "a.txt")
    assert (
        result.error == "a.txt: the name tells no format; name it FILE.arrow or FILE.json, which is the format of Retis"
    )


def test_a_dash_is_not_the_name_of_a_file() -> None:
    with pytest.raises(UsageError, match="no file has that name"):
        Kind.of(Path("-"))
