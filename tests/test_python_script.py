"""``tracer python``: scripts on the events of a file."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.event_json import EVENT, USER_EVENT, write_lines

if TYPE_CHECKING:
    from pathlib import Path

    from tracer_core.testing.command import Tracer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of three events."""
    return write_lines(tmp_path / "events.json", [EVENT, USER_EVENT, EVENT])


SCRIPT = """
import sys
count = 0
for e in reader.events():
    if e.skb_tracking is not None and e.skb_tracking.match(e.skb_tracking):
        count += 1
print(count, sys.argv[1:], __name__, type(reader).__name__)
if len(sys.argv) > 2:
    sys.exit(7)
"""


def test_a_script_finds_the_file_and_its_arguments(path: Path, tracer: Tracer, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    result = tracer.run("python", "-i", str(path), str(script), "--", "-x")
    assert (result.returncode, result.stdout) == (0, "2 ['-x'] __main__ EventFile\n")
    assert tracer.run("python", "-i", str(path), str(script), "a", "b").returncode == 7


def test_options_may_follow_the_script_and_its_own_go_after_two_dashes(
    path: Path, tracer: Tracer, tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    result = tracer.run("python", str(script), "-i", str(path))
    assert (result.returncode, result.stdout) == (0, "2 [] __main__ EventFile\n"), result.stderr
    result = tracer.run("python", str(script), "a", "-i", str(path), "--", "-i", "--", "b")
    assert (result.returncode, result.stdout) == (7, "2 ['a', '-i', '--', 'b'] __main__ EventFile\n"), result.stderr
    result = tracer.run("python", str(script), "-i", str(path), "-x")
    assert result.returncode == 2
    assert result.stderr == (
        "Error: No such option '-x'; give arguments of the script that begin with a dash after --\n"
    )


def test_a_script_is_found_by_its_name_where_retis_has_them(
    path: Path, tracer: Tracer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for program in ("retis", "tracer"):
        folder = tmp_path / f".config/{program}/python"
        folder.mkdir(parents=True)
        (folder / "named.py").write_text(f"print('of {program}')")
        result = tracer.run("python", "-i", str(path), "named")
        assert (result.returncode, result.stdout) == (0, f"of {program}\n"), result.stderr
    result = tracer.run("python", "-i", str(path), "unnamed")
    assert result.returncode == 2
    assert "Error: Python script named unnamed not found" in result.stderr


def test_an_event_file_where_the_script_stands_is_told_from_one(path: Path, tracer: Tracer, tmp_path: Path) -> None:
    arrow = tmp_path / "events.arrow"
    assert tracer.run("convert", str(path), str(arrow)).returncode == 0
    for file in (path, arrow):
        result = tracer.run("python", str(file))
        error = f"Error: {file} is an event file, not a script; use: tracer python -i {file} [SCRIPT]\n"
        assert (result.returncode, result.stderr) == (2, error)
    script = tmp_path / "script"
    script.write_text("{print('a script')}")
    assert tracer.run("python", "-i", str(path), str(script)).stdout == "a script\n"


def test_a_script_that_fails_shows_where_and_ends_with_1(path: Path, tracer: Tracer, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("def fail():\n    return 1 / 0\nfail()\n")
    result = tracer.run("python", "-i", str(path), str(script))
    assert result.returncode == 1
    assert "ZeroDivisionError: division by zero" in result.stderr
    assert f'File "{script}", line 2, in fail' in result.stderr
    assert "tracer_core" not in result.stderr


PROGRAM = """
import pickle, typing
from dataclasses import dataclass, fields

@dataclass
class Hop:
    symbol: str
    before: "Hop | None" = None

print(pickle.loads(pickle.dumps(Hop("ip_rcv"))), fields(Hop)[0].type, typing.get_type_hints(Hop)["before"])
"""


def test_a_script_is_the_main_module_as_if_python_ran_it(path: Path, tracer: Tracer, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(PROGRAM)
    expected = subprocess.run([sys.executable, script], check=True, capture_output=True, text=True).stdout
    result = tracer.run("python", "-i", str(path), str(script))
    assert (result.returncode, result.stdout) == (0, expected), result.stderr


def test_a_script_may_come_out_of_a_pipe(path: Path, tracer: Tracer) -> None:
    command = [str(tracer.path), "python", "-i", str(path), "/dev/stdin", "a"]
    typed = "print(len(list(reader)), sys.argv[1:])\n"
    result = subprocess.run(command, input=typed, check=True, capture_output=True, text=True)
    assert result.stdout == "3 ['a']\n"


def test_without_a_script_python_asks(path: Path, tracer: Tracer) -> None:
    typed = "print(len(list(reader)))\n"
    command = [str(tracer.path), "python", "-i", str(path)]
    result = subprocess.run(command, input=typed, check=True, capture_output=True, text=True)
    assert "3" in result.stdout
