"""What a recording of a kernel keeps: a choice, wide enough for tests of all that looks at packets.

Names that a kernel does not have are passed over. Functions and tracepoints are chosen by what they
take, so that those of kernels to come are kept, too.
"""

from __future__ import annotations

import re


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


STRUCTS = _names(
    """
    arphdr ethhdr icmp6hdr icmphdr iphdr ipv6hdr tcphdr udphdr vlan_hdr vlan_ethhdr
    bpf_kprobe_multi_link bpf_raw_tp_link dst_entry inet_sock napi_struct neighbour net net_device
    nlattr pt_regs Qdisc sk_buff skb_shared_info sock sock_common task_struct
    nf_conn nf_conn_labels nf_conntrack_tuple nf_conntrack_zone nf_ct_ext nf_hook_state
    nft_base_chain nft_chain nft_pktinfo nft_rule nft_rule_dp nft_rule_dp_last nft_table nft_traceinfo nft_verdict
    datapath dp_upcall_info flow_table ovs_conntrack_info ovs_skb_cb sw_flow sw_flow_actions sw_flow_id sw_flow_key
    vport
    """
)
"""Structs kept whole, with all they hold by value."""

ENUMS = _names(
    """
    bpf_attach_type bpf_func_id bpf_link_type bpf_map_type bpf_prog_type
    skb_drop_reason skb_drop_reason_subsys mac80211_drop_reason ovs_drop_reason qdisc_drop_reason
    ip_conntrack_dir ip_conntrack_info ip_conntrack_status nf_ct_ext_id sctp_conntrack tcp_conntrack udp_conntrack
    nf_inet_hooks nft_trace_attributes nft_trace_types nft_verdicts nf_dev_hooks
    ovs_action_attr ovs_ct_attr ovs_nat_attr ovs_packet_cmd ovs_userspace_attr
    """
)
"""Enums kept."""

PACKET_TYPES = frozenset({"struct sk_buff *", "struct sk_buff **"})
"""A function that takes one of these is kept if :data:`FUNCTIONS` matches its name, too."""

EVENT_TYPES = PACKET_TYPES | {
    "struct napi_struct *",
    "struct neighbour *",
    "struct net_device *",
    "struct Qdisc *",
    "struct sock *",
    "struct xdp_buff *",
}
"""A tracepoint that takes one of these is kept."""

FUNCTIONS = re.compile(
    r"_*(arp|br|consume|dev|dst|enqueue|eth|icmp|icmpv6|ip|ip6|ipv6|kfree|napi|neigh|netdev|netif"
    r"|nf|nft|ovs|pfifo|pskb|sch|sk|skb|sock|tcp|tcp_v4|tcp_v6|udp|udpv6|udp4|udp6|validate|veth"
    r"|vlan|vxlan)_\w+"
)
"""Names of functions on the paths of packets."""

NAMED = _names(
    """
    __nft_trace_packet get_entry_ip kfree kmem_cache_free nft_do_chain ovs_dp_process_packet
    ovs_dp_upcall ovs_execute_actions ovs_flow_tbl_lookup_stats queue_userspace_packet
    register_netdevice skb_free_head skb_release_data unregister_netdevice_queue
    """
)
"""Functions and tracepoints kept by name."""

SYMBOLS = frozenset({"_text", "_stext", "_etext", "init_net"})
"""Symbols kept that belong to no function or tracepoint."""

MODULES = frozenset({"nf_conntrack", "nf_nat", "nf_tables", "openvswitch", "veth", "vxlan"})
"""Modules whose type information is recorded if they are loaded."""

CONFIG = re.compile(
    r"CONFIG_(64BIT|(\w+_)?(BPF|BTF|FTRACE|FPROBE|KPROBES?|UPROBES?|TRACEPOINTS|IBT)(_\w+)?|KALLSYMS\w*"
    r"|MODULES|NET|NETFILTER|NET_NS|NF_\w+|NFT_\w+|OPENVSWITCH\w*|PERF_EVENTS|PREEMPT\w*|SMP"
    r"|VETH|VLAN_8021Q|VXLAN|X86_64|ARM64|IPV6|INET|BRIDGE|DEBUG_INFO\w*)"
)
"""Configuration options kept: what decides what can be traced."""
