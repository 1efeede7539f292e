"""End to end: places found in a real program, arguments computed by BPF programs attached there, compared with what
the program says it passed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tracer_core.backend.features import attach_cookies
from tracer_core.userspace.live import find_process, function_place, usdt_places
from tracer_core.userspace.usdt_arguments import Constant, Memory, UsdtArgument

Start = Callable[..., Any]
Listening = Callable[..., Any]
Build = Callable[[str], Path]

pytestmark = [pytest.mark.bpf, pytest.mark.usefixtures("bpf")]

VALUES = (0, 1, -2, 0x7FFF_8081_9192_A3A4, -0x1234_5678_9ABC_DEF1)
each_build = pytest.mark.parametrize("how", ["pie", "no-pie", "not-optimised"])


def of(lines: list[tuple[str, tuple[int, ...]]], target: str) -> list[tuple[int, ...]]:
    return [values for name, values in lines if name == target]


@each_build
def test_arguments_of_every_type_arrive_as_they_were_passed(how: str, start: Start, listening: Listening):
    program = start(how)
    places = usdt_places(find_process(program.pid), "fixture:every_type")

    with listening(places) as ear:
        for hits, value in enumerate(VALUES, 1):
            (expected,) = of(program.hit(value), "fixture:every_type")
            assert ear.arguments() == expected
            assert ear.hits() == hits


def test_operands_that_compilers_seldom_choose_arrive_as_they_were_passed(start: Start, listening: Listening):
    if os.uname().machine != "x86_64":
        pytest.skip("written in x86 assembly")
    program = start("pie")
    places = usdt_places(find_process(program.pid), "fixture:odd_operands")

    with listening(places) as ear:
        for value in VALUES:
            (expected,) = of(program.hit(value), "fixture:odd_operands")
            assert ear.arguments() == expected


@each_build
def test_a_probe_that_is_inlined_several_times_is_found_at_all_places(how: str, start: Start, listening: Listening):
    program = start(how)
    places = usdt_places(find_process(program.pid), "fixture:several")
    assert len(places) == 3
    assert len({place.arguments for place in places}) > 1 or how == "not-optimised"

    with listening(places) as ear:
        passed = of(program.hit(77), "fixture:several")

        assert [ear.hits(n) for n in range(3)] == [1, 1, 1]
        assert {ear.arguments(n) for n in range(3)} == set(passed)


@each_build
def test_a_semaphore_is_raised_while_we_listen(how: str, start: Start, listening: Listening):
    program = start(how)
    places = usdt_places(find_process(program.pid), "fixture:guarded")
    assert of(program.hit(5), "fixture:guarded") == []

    with listening(places) as ear:
        assert of(program.hit(6), "fixture:guarded") == [(6,)]
        assert ear.arguments() == (6,)

    assert of(program.hit(7), "fixture:guarded") == []


def test_a_probe_in_a_library_of_the_process_is_found(start: Start, listening: Listening):
    program = start("pie")
    (place,) = usdt_places(find_process(program.pid), "fixture:library")
    assert place.shown.endswith("/libfixture.so")

    with listening([place]) as ear:
        program.hit(-9)

        assert ear.arguments() == ((-9) % (1 << 64),)


def test_a_probe_without_arguments_is_just_hit(start: Start, listening: Listening):
    program = start("pie")
    places = usdt_places(find_process(program.pid), "fixture:nothing")

    with listening(places) as ear:
        program.hit(1)

        assert (ear.hits(), ear.arguments(), ear.pid()) == (1, (), program.pid)


def test_a_function_is_probed_at_its_entry_and_at_its_return(start: Start, listening: Listening):
    program = start("pie")
    place = function_place(find_process(program.pid), "a_function")

    for returns in (False, True):
        with listening([place], returns=returns) as ear:
            program.hit(1)
            assert ear.hits() == 1
            assert ear.pid() == program.pid


def test_one_process_is_probed_and_not_another_that_runs_the_same_file(start: Start, listening: Listening):
    ours, other = start("pie"), start("pie")
    places = usdt_places(find_process(ours.pid), "fixture:nothing")

    with listening(places) as ear:
        other.hit(1)
        assert ear.hits() == 0
        ours.hit(1)
        assert ear.hits() == 1


def test_threads_of_a_process_are_probed_and_its_children_are_not(start: Start, listening: Listening):
    program = start("pie")
    places = usdt_places(find_process(program.pid), "fixture:thread_or_child")

    with listening(places) as ear:
        program.hit(8)
        assert sum(ear.hits(n) for n in range(len(places))) == 1
    with listening(places, pid=-1) as ear:
        program.hit(8)
        assert sum(ear.hits(n) for n in range(len(places))) == 2


def test_a_semaphore_is_lowered_when_a_listener_is_killed(start: Start):
    program = start("pie")
    (place,) = usdt_places(find_process(program.pid), "fixture:guarded")
    listener = f"""
from tracer_core.backend.perf_probe import uprobe
with uprobe({place.path!r}, {place.offset}, pid={place.pid}, ref_ctr_offset={place.semaphore}):
    print("ready", flush=True)
    input()
"""
    command = [sys.executable, "-c", listener]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        assert of(program.hit(6), "fixture:guarded") == [(6,)]
        process.kill()
        process.wait()
        assert of(program.hit(7), "fixture:guarded") == []


def test_every_process_is_probed_on_every_cpu_if_none_is_named(start: Start, listening: Listening):
    programs = [start("pie"), start("pie")]
    places = usdt_places(find_process(programs[0].pid), "fixture:nothing")
    expected = 0

    with listening(places, pid=-1) as ear:
        for cpu in sorted(os.sched_getaffinity(0)):
            for program in programs:
                os.sched_setaffinity(program.pid, {cpu})
                program.hit(1)
                expected += 1
                assert (ear.hits(), ear.pid()) == (expected, program.pid)


def test_one_event_of_a_process_is_seen_on_every_cpu(start: Start, listening: Listening):
    program = start("pie")
    places = usdt_places(find_process(program.pid), "fixture:nothing")

    with listening(places) as ear:
        for hits, cpu in enumerate(sorted(os.sched_getaffinity(0)), 1):
            os.sched_setaffinity(program.pid, {cpu})
            program.hit(1)
            assert ear.hits() == hits


def test_a_program_is_told_the_cookie_of_the_place_where_it_runs(start: Start, listening: Listening):
    if not attach_cookies():
        pytest.skip("needs Linux 5.15")
    program = start("pie")
    places = usdt_places(find_process(program.pid), "fixture:several")
    cookies = [0x1_0000_0000 + n for n in range(len(places))]

    with listening(places, cookies=cookies) as ear:
        program.hit(1)

        assert [ear.cookie(n) for n in range(len(places))] == cookies


def test_memory_that_cannot_be_read_is_0(start: Start, listening: Listening):
    program = start("pie")
    (place,) = usdt_places(find_process(program.pid), "fixture:nothing")
    nowhere = Memory(base=0, offset=-(1 << 63), index=0, scale=8)
    arguments = (UsdtArgument(8, False, nowhere), UsdtArgument(4, True, Constant(-1)))

    with listening([replace(place, arguments=arguments)]) as ear:
        program.hit(1)

        assert ear.arguments() == (0, (1 << 64) - 1)


def test_a_program_whose_file_was_deleted_can_be_probed(
    start: Start, listening: Listening, build: Build, tmp_path: Path
):
    for file in build("pie").parent.iterdir():
        shutil.copy(file, tmp_path)
    program = start(tmp_path / "probed")
    (tmp_path / "probed").unlink()
    process = find_process(program.pid)
    assert process.deleted

    with listening(usdt_places(process, "fixture:nothing")) as ear:
        program.hit(1)

        assert ear.hits() == 1


def test_a_program_in_other_namespaces_can_be_probed(start: Start, listening: Listening, build: Build, tmp_path: Path):
    inside = tmp_path / "inside"
    inside.mkdir()
    script = """mount -t tmpfs none "$2" && cp "$1"/* "$2" && mv "$2/probed" "$2/$3" && exec "$2/$3" """
    private = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, "sh"]
    program = start(*private, build("pie").parent, inside, "probed-inside")
    process = find_process("probed-inside")
    assert process.foreign_pids
    assert process.foreign_files
    assert not (inside / "probed-inside").exists()
    places = [*usdt_places(process, "fixture:nothing"), *usdt_places(process, "fixture:library")]

    with listening(places) as ear:
        program.hit(1)

        assert [ear.hits(n) for n in range(2)] == [1, 1]
