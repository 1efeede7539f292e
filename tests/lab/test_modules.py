"""Functions and tracepoints of modules, and modules and namespaces that come and go while a run goes on."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from tests.lab.traffic import LABELS, LENGTH, collecting_arguments, ping, seen

from tracer_core.testing.netns import two_namespaces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.support import Support

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces
    from tracer_core.testing.topology.openvswitch import OpenVSwitch

pytestmark = pytest.mark.bpf

FUNCTION = "veth_xmit"
"""Of module veth, whose devices join the namespaces: it gets every packet."""

NO_TYPES = "the kernel has no type information of it"


KINDS = ("kprobe", "kretprobe", "fentry", "fexit")


def test_a_function_of_a_module_is_probed_where_the_kernel_knows_its_types(
    tracer: Tracer, two_netns: TwoNamespaces, support: Support, *, has_module_types: bool
) -> None:
    two = two_netns
    arguments = collecting_arguments(*(f"{kind}:{FUNCTION}" for kind in KINDS), namespaces=two.names)
    if not has_module_types:
        result = tracer.run("collect", *arguments)
        assert result.returncode != 0
        assert NO_TYPES in result.stderr
        assert result.stderr.count("\n") == 1
        support.works("functions of modules", "no: no types of modules")
        return
    with tracer.collect(*arguments) as collecting:
        ping(two.a, two.b)
        for kind in KINDS:
            collecting.wait_for(f"[{LABELS[kind]}] {FUNCTION} ", count=2)
    for kind in ("kprobe", "fentry"):  # when it has returned, the packet is gone
        events = [event for event in seen(collecting, LABELS[kind]) if f" len {LENGTH} " in event.rest]
        assert [event.rest.rpartition(" type ")[2] for event in events] == ["8 code 0", "0 code 0"]
    support.works("functions of modules")


def test_a_tracepoint_of_a_module_is_probed(
    tracer: Tracer, ovs_netns: OpenVSwitch, support: Support, *, has_module_types: bool
) -> None:
    if not has_module_types:
        support.works("tracepoints of modules", "no: no types of modules")
        pytest.skip("this kernel has no such tracepoint with types")
    site = ovs_netns
    with tracer.collect(*collecting_arguments("tp:openvswitch:ovs_do_execute_action", namespaces=())) as collecting:
        ping(site.a, site.b)
        collecting.wait_for(f" len {LENGTH} ", count=2)
    assert {event.symbol for event in seen(collecting)} == {"openvswitch:ovs_do_execute_action"}
    support.works("tracepoints of modules")


@contextmanager
def dummy_module() -> Iterator[None]:
    """A module that a test may load and unload."""
    subprocess.run(["modprobe", "dummy", "numdummies=0"], check=True)
    try:
        yield
    finally:
        subprocess.run(["modprobe", "-r", "dummy"], check=False, capture_output=True)


def test_a_run_goes_on_when_modules_and_namespaces_come_and_go(tracer: Tracer) -> None:
    with tracer.collect(*collecting_arguments("kprobe:ip_rcv", namespaces=())) as collecting:
        with dummy_module(), two_namespaces("later") as two:
            ping(two.a, two.b)
            collecting.wait_for(f" len {LENGTH} ", count=2)
        with two_namespaces("later") as two:
            ping(two.a, two.b)
            collecting.wait_for(f" len {LENGTH} ", count=4)
    assert collecting.exit_code == 0, collecting.report()


def test_a_probed_module_may_be_unloaded_or_is_in_use_and_the_run_goes_on(
    tracer: Tracer, two_netns: TwoNamespaces, *, has_module_types: bool
) -> None:
    two = two_netns
    # where the kernel has no types of modules, nothing of theirs can be probed
    probes = ("kprobe:ip_rcv", "kprobe:dummy_xmit") if has_module_types else ("kprobe:ip_rcv",)
    with dummy_module(), tracer.collect(*collecting_arguments(*probes, namespaces=two.names)) as collecting:
        removed = subprocess.run(["modprobe", "-r", "dummy"], check=False, capture_output=True, text=True)
        assert removed.returncode == 0 or "in use" in removed.stderr
        ping(two.a, two.b)
        collecting.wait_for(f" len {LENGTH} ", count=2)
    assert collecting.exit_code == 0, collecting.report()
