"""Where ``tracer pcap`` writes to, and what it leaves there when it cannot go on."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.event_json import PING, write_lines
from tests.pcap.captures import event, packets, packets_of, saved, tcpdump

from tracer_core.files.pcap import pcapng

if TYPE_CHECKING:
    from pathlib import Path

    from tracer_core.testing.command import Tracer


# the library that reads uses what it deprecated
pytestmark = pytest.mark.filterwarnings("ignore:Field type should not be:DeprecationWarning")


def test_a_terminal_is_refused(tracer: Tracer, tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in.json", [event(1)])
    ours, theirs = os.openpty()
    result = subprocess.run(
        [tracer.path, "pcap", str(source)], stdout=theirs, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(theirs)
    os.close(ours)
    assert result.returncode == 2
    assert result.stderr == "Error: packets are no text, and stdout is a terminal; name a file: -o FILE\n"


def test_a_dash_is_no_file(tracer: Tracer, here: Path) -> None:
    write_lines(here / "in.json", [event(1)])
    result = tracer.run("pcap", "in.json", "-o", "-")
    assert (result.returncode, result.stderr) == (2, "Error: -: no file has that name; for stdout, leave -o out\n")
    assert not (here / "-").exists()


def test_a_capture_of_ours_is_overwritten_and_nothing_else(tracer: Tracer, here: Path) -> None:
    path = saved(here, *[event(number) for number in range(100)])
    assert len(packets_of(here, event(1))) == 1
    whole = path.read_bytes()
    others = {
        "events.json": (here / "in.json").read_bytes(),
        "text": b"dear diary",
        # of another program, which says so at the same place, or not at all
        "other.pcapng": whole.replace(b"tracer ", b"tcpdunk", 1),
        "bare.pcapng": pcapng.section("", "", ""),
    }
    for name, content in others.items():
        (here / name).write_bytes(content)
        result = tracer.run("pcap", "in.json", "-o", name)
        assert result.returncode == 2
        assert f"{name} exists and is no pcapng file of tracer" in result.stderr
        assert (here / name).read_bytes() == content


def test_a_full_disk_leaves_whole_blocks(tracer: Tracer, tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in.json", (event(number) for number in range(20_000)))
    limit = ["prlimit", "--fsize=4000000", "--", str(tracer.path), "pcap", str(source), "-o", str(tmp_path / "o")]
    result = subprocess.run(limit, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith(f"Error: cannot write {tmp_path / 'o'}: File too large; ")
    found = len(tcpdump((tmp_path / "o").read_bytes()))
    assert 0 < found < 20_000
    assert f"{found} event(s) were processed" in result.stderr
    assert packets((tmp_path / "o").read_bytes())[-1].packet_data == PING


def test_what_stands_before_a_damage_is_written(tracer: Tracer, here: Path) -> None:
    source = write_lines(here / "in.json", [event(1), event(2)])
    with source.open("a") as file:
        file.write("{broken\n")
    result = tracer.run("pcap", "in.json", "-o", "o")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("Error: in.json, line 4: it is no JSON")
    assert len(packets((here / "o").read_bytes())) == 2


def test_an_interrupted_capture_is_whole(tracer: Tracer, tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in.json", (event(number) for number in range(20_000)))
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    command = [str(tracer.path), "pcap", str(source), "-o", str(fifo)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process, fifo.open("rb") as reader:
        data = reader.read(1)  # it has begun, and cannot be done before more is read
        process.send_signal(signal.SIGINT)
        data += reader.read()
        _, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert "Received signal, terminating..." in stderr
    assert 0 < len(tcpdump(data)) < 20_000


def test_a_reader_that_has_seen_enough_is_no_error(tracer: Tracer, tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in.json", (event(number) for number in range(20_000)))
    with subprocess.Popen(
        [tracer.path, "pcap", str(source)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdout.read(4) == b"\x0a\x0d\x0d\x0a"
        process.stdout.close()
        assert process.stderr
        assert process.stderr.read() == b""
    assert process.returncode == 0
