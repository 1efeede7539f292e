from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tracer_core.backend.compiler import CompileError
from tracer_core.backend.programs import LoadError
from tracer_core.errors import ExitCode, PluginError, RunError, TracerError
from tracer_core.plugins.declaration import Declaration, Owner
from tracer_core.run.blame import explain
from tracer_core.run.prepare import Prepared
from tracer_core.types import BpfSource, CollectorSpec, Fragment

CLANG = "a/a.bpf.c:7:3: error: use of undeclared identifier 'x'\n1 error generated.\n"
VERIFIER = "0: (bf) r6 = r1\nR1 invalid mem access 'scalar'\nprocessed 4 insns (limit 1000000)\n"


def prepared(*names: str) -> Prepared:
    declarations = tuple(
        Declaration(
            Owner(name, f"tracer-{name}", "1.0"),
            CollectorSpec(name, "A test."),
            None,
            fragments=(Fragment(f"{name}_see", BpfSource("", f"{name}/{name}.bpf.c")),),
        )
        for name in names
    )
    plan: Any = None  # trials are the caller's
    return Prepared(plan, declarations, (), Declaration(Owner("core"), CollectorSpec("core", "A test."), None))


def only_without(culprit: str) -> Callable[[str], None]:
    def build(name: str) -> None:
        if name != culprit:
            raise RunError("still refused")

    return build


def test_the_compiler_names_the_collector_by_its_file() -> None:
    error = explain(CompileError(CLANG), prepared("a", "b"), only_without("nobody"))
    assert isinstance(error, PluginError)
    assert error.message == "collector a (tracer-a 1.0): a/a.bpf.c:7: use of undeclared identifier 'x'"


def test_a_verifiers_refusal_is_traced_to_the_collector_without_which_it_is_accepted() -> None:
    error = explain(LoadError("refused", log=VERIFIER), prepared("a", "b"), only_without("b"))
    assert error.message == "collector b (tracer-b 1.0): refused: R1 invalid mem access 'scalar'"
    assert error.exit_code is ExitCode.PLUGIN


@pytest.mark.parametrize(
    ("refusal", "message"),
    [
        (CompileError("tracer:1:1: error: odd\n"), "the composed program does not compile: tracer:1:1: error: odd"),
        (LoadError("refused", log=VERIFIER), "refused: R1 invalid mem access 'scalar'"),
    ],
)
def test_where_no_collector_alone_is_to_blame_the_reason_is_told_once(refusal: TracerError, message: str) -> None:
    error = explain(refusal, prepared("a", "b"), only_without("nobody"))
    assert error.message == message
    assert error.exit_code is ExitCode.RUNTIME


def test_other_errors_are_passed_on() -> None:
    other = RunError("something else")
    assert explain(other, prepared("a"), only_without("nobody")) is other
