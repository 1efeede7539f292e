"""The contract is kept by a collector that is as it should be, and each way to break it is found, with a reason."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from tracer_core.backend.compiler import CompileError
from tracer_core.errors import PluginError, UsageError
from tracer_core.testing import CollectorContract

KERNEL = "6.12"
COMPLEX = "__import__('typing').Annotated[complex, recorded(U32)]"
PURE = "\n@hookimpl\ndef tracer_probes():\n    "
DECODES = "\n@hookimpl\ndef tracer_decoders():\n    return [Decoder(Demo, lambda columns: {})]\n"
SHIPS = "\n@hookimpl\ndef tracer_profiles():\n    return [ProfileSource({!r}, 'demo.yaml')]\n"
SHOWS = "\n@hookimpl\ndef tracer_formatters():\n    return [Formatter(Demo, lambda demo, options: {})]\n"


AUTHORS = """
from tracer_core.testing import CollectorContract
from tracer_skb.plugin import SkbOptions

class TestContract(CollectorContract):
    collector = "skb"
    options = (SkbOptions(("meta",)),)
"""


def suite(name: str, **more: object) -> Any:  # noqa: ANN401 - of a class of its own
    """An instance of a class as an author would write it."""
    return type("TestWritten", (CollectorContract,), {"collector": name, **more})()


def test_a_collector_that_is_as_it_should_be_keeps_it(write_collector: Callable[..., str], tmp_path: Path) -> None:
    tests = suite(write_collector(SHOWS.format('f"length {demo.length}"')))
    tests.test_it_says_who_it_is()
    tests.test_it_imports_nothing_of_the_core_but_the_api()
    tests.test_its_hooks_are_pure(KERNEL, None)
    tests.test_it_is_planned_or_says_why_not(KERNEL, None)
    tests.test_decoders_give_what_sections_declare(KERNEL, None)
    tests.test_texts_can_be_put_together(KERNEL, None)
    tests.test_events_survive_json_and_arrow(KERNEL, None, tmp_path)


def test_an_author_gets_a_test_for_each_kernel_and_set_of_options(tmp_path: Path) -> None:
    (tmp_path / "test_author.py").write_text(AUTHORS)
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "tracer_core.testing.pytest_plugin"]
    result = subprocess.run(
        [*command, "-p", "no:cacheprovider"], check=False, cwd=tmp_path, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout
    found = [line.partition("::")[2] for line in result.stdout.splitlines() if "::" in line]
    assert "TestContract::test_its_hooks_are_pure[5.10-defaults]" in found
    assert "TestContract::test_its_hooks_are_pure[6.12-SkbOptions(sections=('meta',))]" in found
    assert all(name.startswith("TestContract::") for name in found)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("open('/proc/version').close()\n    return []", "open '/proc/version'"),
        ("import os\n    os.listdir('/proc')\n    return []", "os.listdir '/proc'"),
        ("import subprocess\n    subprocess.run(['true'])\n    return []", "subprocess.Popen"),
        ("import socket\n    socket.socket().close()\n    return []", "socket.__new__"),
        (
            "import itertools\n    global N\n    N = globals().get('N', 0) + 1\n"
            "    return [Probe.tracepoint(f'net:{N}', optional=True)]",
            "tracer_probes gave another result when called again",
        ),
    ],
)
def test_a_hook_that_is_not_pure_is_found(write_collector: Callable[..., str], body: str, reason: str) -> None:
    with pytest.raises(AssertionError, match=reason):
        suite(write_collector(PURE + body + "\n")).test_its_hooks_are_pure(KERNEL, None)


def test_files_of_the_collectors_own_package_may_be_read(write_collector: Callable[..., str]) -> None:
    suite(write_collector(PURE + "open(__file__).close()\n    return []\n")).test_its_hooks_are_pure(KERNEL, None)


@pytest.mark.parametrize(
    "line", ["from tracer_core.wire import U32", "import tracer_core.plan.plan", "from tracer_core import kernel"]
)
def test_imports_beside_the_api_are_found(write_collector: Callable[..., str], line: str) -> None:
    name = write_collector(f"\ndef _late():\n    {line}\n")
    with pytest.raises(AssertionError, match=rf"only tracer_core\.api is stable(.|\n)*{name}\.py:\d+: tracer_core\."):
        suite(name).test_it_imports_nothing_of_the_core_but_the_api()


def test_a_collector_that_makes_help_wait_is_found(
    write_collector: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    suite(write_collector()).test_help_waits_for_no_large_package()
    with pytest.raises(AssertionError, match="--help imports numpy"):
        suite(write_collector("\nimport numpy\n")).test_help_waits_for_no_large_package()
    with pytest.raises(AssertionError, match="--help ended with 3"):
        suite(write_collector("\n1 // 0\n")).test_help_waits_for_no_large_package()


def test_a_profile_that_cannot_be_used_is_found(write_collector: Callable[..., str]) -> None:
    profile = 'version: "1.0"\nname: demo\ncollect: [{args: {probe: tp:skb:kfree_skb, other_level: 1}}]\n'
    with pytest.raises(AssertionError, match=r"^demo\.yaml:3: tracer collect has no option --other-level"):
        suite(write_collector(SHIPS.format(profile))).test_its_profiles_can_be_used()
    suite(write_collector(SHIPS.format(profile.replace("other_level", "stop_after")))).test_its_profiles_can_be_used()


@pytest.mark.parametrize(
    ("instead", "reason"),
    [
        (('"A test\'s.", s', '"", s'), "the summary must be a line"),
        (('@section("demo")', '@section("kernel")'), "a section cannot be called kernel"),
        (("length: U32", f"length: {COMPLEX}"), "which files cannot hold"),
    ],
)
def test_what_it_says_of_itself_must_be_usable(
    write_collector: Callable[..., str], instead: tuple[str, str], reason: str
) -> None:
    name = write_collector("from typing import Annotated\n", instead=instead)
    if "Annotated" in instead[1]:
        name = write_collector(
            instead=("length: U32", "length: __import__('typing').Annotated[complex, recorded(U32)]")
        )
    with pytest.raises((AssertionError, PluginError), match=reason):
        suite(name).test_it_says_who_it_is()


def test_a_reason_needs_a_hint(write_collector: Callable[..., str]) -> None:
    check = "\n@hookimpl\ndef tracer_check():\n    return Unavailable('no reason to', {})\n"
    with pytest.raises(AssertionError, match="unavailable without a reason or a hint"):
        suite(write_collector(check.format("''"))).test_it_is_planned_or_says_why_not(KERNEL, None)
    with pytest.raises(pytest.skip.Exception, match=r"is unavailable on 6\.12: no reason to"):
        suite(write_collector(check.format("'wait'"))).test_it_is_planned_or_says_why_not(KERNEL, None)


def test_code_that_runs_nowhere_is_found(write_collector: Callable[..., str]) -> None:
    name = write_collector(instead=("struct sk_buff *", "struct nf_conn *"))
    with pytest.raises(UsageError, match="no collector could retrieve data from it"):
        suite(name).test_it_is_planned_or_says_why_not(KERNEL, None)


@pytest.mark.bpf
def test_c_that_does_not_compile_is_found(write_collector: Callable[..., str]) -> None:
    name = write_collector(instead=("return TRACER_OK", "return TRACER_FINE"))
    with pytest.raises(CompileError, match=rf"{name}\.bpf\.c:\d+:\d+: error"):
        suite(name).test_its_program_compiles(KERNEL, None)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ("{}", "gave columns"),
        ("{**columns, 'length': [1]} if len(columns['length']) > 1 else columns", "gave columns"),
        ("{**columns, 'length': ['x' for _ in columns['length']]}", "demo.length is 'x', which is no int"),
        ("{**columns, 'length': [None for _ in columns['length']]}", "demo.length is missing, and not declared"),
        ("{**columns, 'length': [1 << 40 for _ in columns['length']]}", "which is no uint32"),
        ("1 // 0", "ZeroDivisionError"),
    ],
)
def test_columns_that_are_not_those_of_the_section_are_found(
    write_collector: Callable[..., str], columns: str, reason: str
) -> None:
    name = write_collector(DECODES.replace("{}", columns))
    with pytest.raises((AssertionError, PluginError), match=reason):
        suite(name).test_decoders_give_what_sections_declare(KERNEL, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("'length '", "blanks around it"),
        ("' length'", "blanks around it"),
        ("'length\\n'", "several lines where one is wanted"),
        ("'a\\n\\nb' if options.multi_line else 'a'", "an empty line"),
        ("None", "that is no text"),
        ("1 // (demo.length // 9)", "ZeroDivisionError"),
        ("1 // 0 if demo.length < 9 else 1 // (demo.length - demo.length)", "ZeroDivisionError"),
    ],
)
def test_texts_that_leave_gaps_are_found(write_collector: Callable[..., str], text: str, reason: str) -> None:
    name = write_collector(SHOWS.format(text))
    with pytest.raises(AssertionError, match=reason):
        suite(name).test_texts_can_be_put_together(KERNEL, None)


def test_values_that_files_change_are_found(write_collector: Callable[..., str], tmp_path: Path) -> None:
    name = write_collector(
        DECODES.replace("{}", "{**columns, 'length': [x + 0.5 for x in columns['length'].tolist()]}")
    )
    with pytest.raises((AssertionError, PluginError)):
        suite(name).test_events_survive_json_and_arrow(KERNEL, None, tmp_path)


def test_what_c_fills_can_be_narrowed(write_collector: Callable[..., str]) -> None:
    text = SHOWS.format("'abc'[demo.length]")
    narrow = {"demo.length": st.integers(0, 2)}
    suite(write_collector(text), values=narrow).test_texts_can_be_put_together(KERNEL, None)
    with pytest.raises(AssertionError, match="IndexError"):
        suite(write_collector(text)).test_texts_can_be_put_together(KERNEL, None)

    class TestShort(CollectorContract):
        collector = write_collector(text)

        def written(self, sections: dict[str, Any]) -> dict[str, Any]:
            return {name: demo._replace(length=demo.length % 3) for name, demo in sections.items()}

    TestShort().test_texts_can_be_put_together(KERNEL, None)
    with pytest.raises(ValueError, match=r"no field or group demo\.width in demo\.length"):
        suite(write_collector(text), always=("demo.width",)).test_texts_can_be_put_together(KERNEL, None)
