"""The manual page: formatters have nothing to complain of, and nothing is left out."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracer_core.testing.pytest_plugin import unavailable

if TYPE_CHECKING:
    from tracer_core.testing.command import Tracer

PAGE = Path(__file__).resolve().parent.parent / "core/man/tracer.1"


def formatted(*command: str) -> subprocess.CompletedProcess[str]:
    if shutil.which(command[0]) is None:
        unavailable(command[0], f"needs {command[0]}")
    return subprocess.run([*command, str(PAGE)], check=False, capture_output=True, text=True)


GROFF = ("groff", "-man", "-ww", "-z")


@pytest.mark.parametrize("command", [("mandoc", "-Tlint"), (*GROFF, "-Tutf8"), (*GROFF, "-Tascii")], ids=" ".join)
def test_formatters_have_nothing_to_complain_of(command: tuple[str, ...]) -> None:
    result = formatted(*command)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def section(text: str, title: str) -> str:
    """A section of the page as text, or a command's part of it."""
    (found,) = re.findall(rf"^ *{title}\n(.*?)(?=^ {{0,3}}\S|\Z)", text, re.MULTILINE | re.DOTALL)
    return str(found)


def listed(commands: str) -> list[str]:
    """Names in a list of commands."""
    return re.findall(r"^  ([\w-]+) ", commands, re.MULTILINE)


def test_every_option_of_every_command_is_there_with_its_help(tracer: Tracer) -> None:
    page = formatted("mandoc", "-Tascii", "-Owidth=1000").stdout
    page = re.sub(".\b", "", page)  # bold and underlined
    names = listed(tracer.run("--help").stdout.partition("\nTracing:\n")[2])
    below = listed(tracer.run("profile", "--help").stdout.partition("\nCommands:\n")[2])
    assert below
    for name in (*names, *(f"profile {name}" for name in below)):
        told = " ".join(section(page, f"tracer {name}").split())
        shown = tracer.run(*name.split(), "--help").stdout
        options = re.findall(r"^  (-\S+(?:, --\S+)?)", shown, re.MULTILINE)
        assert options
        assert [option for option in options if option not in told] == [], name
        about = shown.split("\n\n")[1]
        assert " ".join(about.split()) in told
