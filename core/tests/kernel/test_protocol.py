"""What holds for every kernel, live or recorded, and what differs between the recorded ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracer_core.errors import UsageError
from tracer_core.kernel.live import LiveKernel
from tracer_core.kernel.view import Param
from tracer_core.testing.kernels import recorded_kernel, recorded_names

if TYPE_CHECKING:
    from tracer_core.kernel.base import BtfKernel
    from tracer_core.kernel.view import TypedKernel

_HAS_BTF = Path("/sys/kernel/btf/vmlinux").exists()


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("live", marks=pytest.mark.skipif(not _HAS_BTF, reason="this kernel has no BTF")),
        *recorded_names(),
    ],
)
def kernel(request: pytest.FixtureRequest) -> BtfKernel:
    return LiveKernel() if request.param == "live" else recorded_kernel(request.param)


class TestEveryKernel:
    def test_it_satisfies_the_protocol(self, kernel: BtfKernel):
        view: TypedKernel = kernel  # for the type checker
        assert view.release

    def test_tracepoints_lack_the_hidden_first_parameter(self, kernel: BtfKernel):
        prototype = kernel.tracepoint("kfree_skb")
        assert prototype is not None
        assert prototype.params[0].type == "struct sk_buff *"
        assert prototype.params[1].type == "void *"
        assert prototype.returns == "void"
        assert prototype.index_of("struct sk_buff *") == 0

    def test_function_parameters_have_names_and_types(self, kernel: BtfKernel):
        prototype = kernel.function("kfree_skb_list_reason") or kernel.function("kfree_skb_list")
        assert prototype is not None
        assert prototype.params[0] == Param("segs", "struct sk_buff *")
        assert prototype.module == ""

    def test_pointer_levels_are_counted(self, kernel: BtfKernel):
        prototype = kernel.function("__netif_receive_skb_core")
        if prototype is None:
            pytest.skip("inlined on this kernel")
        assert prototype.params[0] == Param("pskb", "struct sk_buff **")
        assert prototype.index_of("struct sk_buff *") is None

    def test_ids_lead_back_to_the_type(self, kernel: BtfKernel):
        function, tracepoint = kernel.function("skb_release_data"), kernel.tracepoint("kfree_skb")
        assert function is not None
        assert tracepoint is not None
        assert kernel.module_btf(function.module).type(function.btf_id).name == "skb_release_data"
        assert kernel.btf.type(tracepoint.btf_id).name == "btf_trace_kfree_skb"

    def test_members_of_anonymous_levels_have_offsets_from_the_outermost(self, kernel: BtfKernel):
        dev = kernel.member("sk_buff", "dev")
        assert dev is not None
        assert (dev.type, dev.bit_offset, dev.size) == ("struct net_device *", 16 * 8, 8)

    def test_dotted_paths_go_through_named_members_and_typedefs(self, kernel: BtfKernel):
        net = kernel.member("sock", "__sk_common.skc_net.net")
        common = kernel.member("sock", "__sk_common")
        inner = kernel.member("sock_common", "skc_net.net")
        assert net is not None
        assert common is not None
        assert inner is not None
        assert net.type == "struct net *"
        assert net.bit_offset == common.bit_offset + inner.bit_offset

    def test_a_typedef_names_an_aggregate_too(self, kernel: BtfKernel):
        net = kernel.member("possible_net_t", "net")
        assert net is not None
        assert (net.type, net.bit_offset) == ("struct net *", 0)

    @pytest.mark.parametrize(("name", "bits"), [("ip_summed", 2), ("pkt_type", 3), ("cloned", 1)])
    def test_bit_fields_have_their_size_in_bits(self, kernel: BtfKernel, name: str, bits: int):
        member = kernel.member("sk_buff", name)
        assert member is not None
        assert (member.bit_size, member.type, member.size) == (bits, "__u8", 1)

    def test_plain_members_have_no_bit_size(self, kernel: BtfKernel):
        member = kernel.member("sk_buff", "len")
        assert member is not None
        assert (member.bit_size, member.bit_offset % 8, member.size) == (0, 0, 4)

    def test_arrays_count_their_bytes(self, kernel: BtfKernel):
        member = kernel.member("sk_buff", "cb")
        assert member is not None
        assert (member.type, member.size) == ("char [48]", 48)

    def test_enums_give_numbers_by_name(self, kernel: BtfKernel):
        enum = kernel.enum("ip_conntrack_dir")
        assert enum is not None
        assert (enum["IP_CT_DIR_ORIGINAL"], enum["IP_CT_DIR_REPLY"]) == (0, 1)

    def test_what_is_missing_is_nothing(self, kernel: BtfKernel):
        assert kernel.function("no_such_function") is None
        assert kernel.tracepoint("no_such_event") is None
        assert kernel.member("no_such_struct", "x") is None
        assert kernel.member("sk_buff", "no_such_member") is None
        assert kernel.member("sk_buff", "len.x") is None
        assert kernel.member("sk_buff", "dev.name") is None  # behind a pointer
        assert kernel.enum("no_such_enum") is None
        assert kernel.symbol("no_such_symbol") is None
        assert kernel.config("CONFIG_NO_SUCH_OPTION") is None

    def test_tracepoint_names_have_prototypes(self, kernel: BtfKernel):
        names = kernel.tracepoint_names()
        assert {"kfree_skb", "consume_skb", "netif_receive_skb", "kfree"} <= names
        assert all(kernel.tracepoint(name) for name in sorted(names)[:20])

    def test_listed_events_have_a_group(self, kernel: BtfKernel):
        if kernel.events is None:
            pytest.skip("tracefs was not readable")
        assert "skb:kfree_skb" in kernel.events

    def test_listed_functions_are_names_only(self, kernel: BtfKernel):
        if kernel.functions is None:
            pytest.skip("tracefs was not readable")
        assert "tcp_v4_rcv" in kernel.functions
        assert not any(" " in name or "[" in name for name in kernel.functions)

    def test_symbols_lead_back_to_their_names(self, kernel: BtfKernel):
        address = kernel.symbol("tcp_v4_rcv")
        assert address is not None
        if address == 0:
            pytest.skip("this kernel hides addresses")
        assert kernel.symbols.at(address) == ("tcp_v4_rcv", 0)
        assert kernel.symbols.at(address + 4) == ("tcp_v4_rcv", 4)


class TestRecordedKernels:
    def test_they_are_listed_oldest_first(self):
        assert recorded_names() == ("5.10", "6.1", "6.12", "6.18")

    def test_an_unknown_one_names_those_there_are(self):
        with pytest.raises(UsageError, match=r"5\.10, 6\.1"):
            recorded_kernel("2.4")

    def test_a_struct_of_a_module_is_found(self):
        member = recorded_kernel("6.1").member("nft_traceinfo", "pkt")
        assert member is not None
        assert member.type == "struct nft_pktinfo *"

    def test_a_function_of_a_module_says_so(self):
        kernel = recorded_kernel("6.12")
        prototype = kernel.function("ovs_dp_upcall")
        assert prototype is not None
        assert prototype.module == "openvswitch"
        assert kernel.module_btf("openvswitch").type(prototype.btf_id).name == "ovs_dp_upcall"

    def test_a_tracepoint_of_a_module_says_so(self):
        prototype = recorded_kernel("6.12").tracepoint("ovs_dp_upcall")
        assert prototype is not None
        assert (prototype.module, prototype.index_of("struct sk_buff *")) == ("openvswitch", 1)

    @pytest.mark.parametrize("name", ["6.1", "6.12"])
    @pytest.mark.parametrize(
        ("aggregate", "path", "kind"),
        [
            ("datapath", "table", "struct flow_table"),
            ("dp_upcall_info", "cmd", "u8"),
            ("sw_flow", "id.ufid", "u32 [4]"),
            ("sw_flow_key", "recirc_id", "u32"),
            ("sw_flow_actions", "actions", "struct nlattr [0]"),
            ("ovs_conntrack_info", "range", "struct nf_nat_range2"),
        ],
    )
    def test_types_of_open_vswitch_are_kept(self, name: str, aggregate: str, path: str, kind: str):
        member = recorded_kernel(name).member(aggregate, path)
        assert member is not None
        assert member.type == kind

    def test_a_module_without_type_information_is_an_error(self):
        with pytest.raises(KeyError):
            recorded_kernel("5.10").module_btf("openvswitch")

    def test_a_type_may_change_between_kernels(self):
        types = [recorded_kernel(name).member("net", "net_cookie") for name in recorded_names()]
        assert [found and found.type for found in types] == ["atomic64_t", "u64", "u64", "u64"]

    def test_a_member_may_come_and_go(self):
        present = [recorded_kernel(n).member("sk_buff", "vlan_present") is not None for n in recorded_names()]
        assert present == [True, True, False, False]

    def test_options_are_kept(self):
        values = [recorded_kernel(name).config("CONFIG_FPROBE") for name in recorded_names()]
        assert values == [None, "n", "y", "n"]

    def test_loaded_modules_are_kept(self):
        assert "openvswitch" in recorded_kernel("6.1").modules
        assert recorded_kernel("6.18").modules == frozenset()
