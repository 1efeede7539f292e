"""What the collector asks of kernels: recorded ones, and some that are not as it wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tracer_core.compose.compose import compose
from tracer_core.compose.composition import Machine
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Fixed, Request, parse_probe
from tracer_core.plugins.declare import declare
from tracer_core.plugins.host import Host
from tracer_core.testing.kernels import recorded_kernel, recorded_names
from tracer_ct import kernel as facts
from tracer_ct.plugin import tracer_check

if TYPE_CHECKING:
    from tracer_core.api import Kernel, Member


class Changed:
    """A recorded kernel, but for some answers."""

    def __init__(
        self, name: str, *, option: str | None = "m", loaded: bool = True, lacks: tuple[str, ...] = ()
    ) -> None:
        self._kernel = recorded_kernel(name)
        self._option = option
        self._lacks = lacks
        self.modules = self._kernel.modules if loaded else frozenset[str]()
        self.enum = self._kernel.enum

    def config(self, option: str) -> str | None:
        return self._option if option == "CONFIG_NF_CONNTRACK" else self._kernel.config(option)

    def member(self, aggregate: str, path: str) -> Member | None:
        lacks = any(f"{aggregate}.{path}".startswith(name) for name in self._lacks)
        return None if lacks else self._kernel.member(aggregate, path)


def check(kernel: object) -> str | None:
    answer = tracer_check(kernel)  # type: ignore[arg-type] # it has what is asked for
    return answer.reason if answer else None


@pytest.mark.parametrize("name", recorded_names())
def test_every_recorded_kernel_will_do(name: str) -> None:
    assert check(recorded_kernel(name)) is None


@pytest.mark.parametrize(
    ("option", "loaded", "reason"),
    [
        ("y", False, None),
        ("m", True, None),
        ("m", False, "nf_conntrack is not loaded, so no connection is tracked"),
        (None, False, None),
        ("n", True, "this kernel does not support connection tracking"),
    ],
)
def test_connections_must_be_tracked_as_far_as_is_known(option: str | None, loaded: bool, reason: str | None) -> None:
    assert check(Changed("6.1", option=option, loaded=loaded)) == reason


@pytest.mark.parametrize(
    ("lacks", "reason"),
    [
        (("nf_conn.status",), "this kernel's types do not have nf_conn.status"),
        (("sk_buff._nfct",), "this kernel's types do not have sk_buff._nfct"),
        (("nf_conn.mark", "nf_conn.zone", "nf_conn.ext", "nf_conn.proto.sctp"), None),
    ],
)
def test_only_what_cannot_be_done_without_is_asked_for(lacks: tuple[str, ...], reason: str | None) -> None:
    assert check(Changed("6.1", lacks=lacks)) == reason


@pytest.mark.parametrize("name", recorded_names())
def test_one_read_takes_all_that_is_reported(name: str) -> None:
    kernel: Kernel = recorded_kernel(name)
    told = facts.defines(kernel)
    assert told["CT_FIRST"] % 8 == told["CT_SIZE"] % 8 == 0
    assert told["CT_SIZE"] <= 232
    for path in ("zone", "tuplehash", "status", "mark", "ext", "master", "proto.tcp.state", "proto.sctp.vtag"):
        place = kernel.member("nf_conn", path)
        assert place is not None
        first = place.bit_offset // 8 - told["CT_FIRST"]
        assert 0 <= first <= told["CT_SIZE"] - place.size, path
    assert (told["CT_ZONE"], told["CT_MARK"], told["CT_SCTP"]) == (1, 1, 1)
    assert told["CT_LABELS"] == 8  # one more than NF_CT_EXT_LABELS


def test_a_kernel_without_marks_and_zones_is_not_asked_for_them() -> None:
    told = facts.defines(Changed("6.12", lacks=("nf_conn.mark", "nf_conn.zone")))  # type: ignore[arg-type] # as above
    assert (told["CT_ZONE"], told["CT_MARK"]) == (0, 0)


@pytest.mark.parametrize("name", recorded_names())
@pytest.mark.parametrize("typed", [False, True], ids=["probe reads", "plain loads"])
def test_a_program_is_composed_for_every_recorded_kernel(name: str, typed: bool) -> None:
    kernel = recorded_kernel(name)
    declarations = (declare(Host().collector("ct"), kernel, None),)
    probes = (parse_probe("tp:net:netif_receive_skb"),)
    made = plan(declarations, Request(probes, abilities=Fixed(typed=typed)), kernel)
    text = compose(made, kernel, Machine(2)).text
    offset = kernel.member("nf_conn", "status")
    assert offset is not None
    assert f"__builtin_offsetof(struct nf_conn, status) == {offset.bit_offset // 8}" in text
    assert "struct section_ct_parent" in text
    assert sum(planned.layout.bits for planned in made.sections) == 6


def test_states_are_named_as_the_kernel_names_them() -> None:
    names = facts.names(recorded_kernel("6.12"), "tcp_conntrack")
    assert (names[0], names[3], names[9]) == ("NONE", "ESTABLISHED", "LISTEN")
    assert facts.names(recorded_kernel("6.12"), "no_such_enum") == {}
