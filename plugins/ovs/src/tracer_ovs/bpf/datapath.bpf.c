/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The datapath of Open vSwitch: net/openvswitch/{datapath,flow_table,actions,conntrack}.c. ovs_dp_process_packet() looks for the flow of a
 * packet (ovs_flow_tbl_lookup_stats()), then executes its actions (ovs_execute_actions()), or hands it to the process (ovs_dp_upcall()).
 * The plugin defines, after asking the kernel's types:
 *
 *   OVS_TRACK			 packets are followed through the process
 *   OVS_MASK_HIT, OVS_CACHE_HIT the arguments of the lookup that point to its counters
 *   OVS_OUTPUT, OVS_RECIRC, OVS_CT, OVS_DROP  numbers of actions, as in enum ovs_action_attr
 *   OVS_HAS_CT, OVS_HAS_NAT	 what struct ovs_conntrack_info says can be read
 */

#define OVS_TYPE_MASK 0x3fff   /* NLA_TYPE_MASK, include/uapi/linux/netlink.h */
#define OVS_PORT_BUCKETS 1024  /* DP_VPORT_HASH_BUCKETS, net/openvswitch/datapath.h */
#define OVS_PORTS_IN_BUCKET 16 /* that are looked at */

/* The packet that a flow is looked for: ovs_flow_tbl_lookup_stats() is not given it. */
BPF_TABLE("lru_hash", u64, u64, ovs_packets, OVS_STACKS);

static __always_inline int ovs_note_packet(struct tracer_ctx *ctx, struct tracer_event *event)
{
	u64 stack = tracer_stack_key(ctx), skb = (u64)ctx->sk_buff;

	ovs_packets.update(&stack, &skb);
	return TRACER_NOTHING;
}

static __always_inline struct sk_buff *ovs_noted_packet(struct tracer_ctx *ctx)
{
	u64 stack = tracer_stack_key(ctx), *skb = ovs_packets.lookup(&stack);

	return skb ? (struct sk_buff *)*skb : NULL;
}

static __always_inline int ovs_collect_lookup(struct tracer_ctx *ctx, struct tracer_event *event)
{
	struct sw_flow *flow = (struct sw_flow *)ctx->result;
	struct section_ovs_lookup *lookup;
	u64 stack = tracer_stack_key(ctx);
	u32 ufid[4] = {};
	u32 count = 0;

	ovs_packets.delete(&stack);
	lookup = ovs_step(event, OVS_LOOKUP, ovs_lookup);
	if (!lookup)
		return TRACER_NOTHING;
	lookup->flow = (u64)flow;
	lookup->sf_acts = flow ? (u64)TRACER_PROBE_GET(flow, sf_acts) : 0;
	if (flow)
		TRACER_COPY(ufid, flow, id.ufid);
	lookup->ufid_0 = ufid[0];
	lookup->ufid_1 = ufid[1];
	lookup->ufid_2 = ufid[2];
	lookup->ufid_3 = ufid[3];
	bpf_probe_read_kernel(&count, sizeof(count), (void *)TRACER_ARG(ctx, OVS_MASK_HIT));
	lookup->n_mask_hit = count;
	count = 0;
	bpf_probe_read_kernel(&count, sizeof(count), (void *)TRACER_ARG(ctx, OVS_CACHE_HIT));
	lookup->n_cache_hit = count;
	return TRACER_OK;
}

/* The device of a port: datapath->ports are buckets of lists, by the port's number (ovs_lookup_vport()). */
static __always_inline void ovs_fill_name(void *name, struct datapath *dp, u32 port)
{
	char *bucket = (char *)TRACER_PROBE_GET(dp, ports) + (port & (OVS_PORT_BUCKETS - 1)) * sizeof(void *);
	char *node = NULL;
	u32 i;

	__builtin_memset(name, 0, 16);
	bpf_probe_read_kernel(&node, sizeof(node), bucket);
#pragma clang loop unroll(disable)
	for (i = 0; i < OVS_PORTS_IN_BUCKET && node; i++) {
		struct vport *vport = (struct vport *)(node - __builtin_offsetof(struct vport, dp_hash_node));

		if (TRACER_PROBE_GET(vport, port_no) == port) {
			struct net_device *dev = TRACER_PROBE_GET(vport, dev);

			bpf_probe_read_kernel(name, 16, TRACER_ADDRESS(dev, name));
			return;
		}
		node = (char *)TRACER_PROBE_GET((struct hlist_node *)node, next);
	}
}

static __always_inline void ovs_add_port(struct tracer_event *event, struct datapath *dp, u32 number, bool is_output)
{
	struct section_ovs_port *port = tracer_add(event, ovs_port);

	if (!port)
		return;
	port->number = number;
	port->is_output = is_output;
	ovs_fill_name(port->name, dp, number);
}

static __always_inline int ovs_collect_upcall(struct tracer_ctx *ctx, struct tracer_event *event)
{
	struct dp_upcall_info *info = ctx->dp_upcall_info;
	struct section_header *header = tracer_header(event);
	u64 stack = tracer_stack_key(ctx);
	struct section_ovs_call *upcall;
	struct ovs_upcall running = {};

	upcall = ovs_step(event, OVS_UPCALL, ovs_call);
	if (!upcall)
		return TRACER_NOTHING;
	running.origin.timestamp = header->timestamp;
	running.origin.cpu = header->cpu;
	running.port = TRACER_GET(ctx, info, portid);
	running.cmd = TRACER_GET(ctx, info, cmd);
	ovs_upcalls.update(&stack, &running);
	upcall->port = running.port;
	upcall->cpu = header->cpu;
	upcall->cmd = running.cmd;
	ovs_add_port(event, ctx->datapath, TRACER_GET(ctx, ctx->sw_flow_key, phy.in_port), false);
	return TRACER_OK;
}

static __always_inline int ovs_collect_return(struct tracer_ctx *ctx, struct tracer_event *event)
{
	u64 stack = tracer_stack_key(ctx);
	struct ovs_upcall *running = ovs_upcalls.lookup(&stack);
	struct section_ovs_ret *ret;
	struct ovs_origin origin;

	if (!running)
		return TRACER_NOTHING;
	origin = running->origin;
	ovs_upcalls.delete(&stack);
	ret = ovs_step(event, OVS_RETURN, ovs_ret);
	if (!ret)
		return TRACER_NOTHING;
	ret->upcall_ts = origin.timestamp;
	ret->upcall_cpu = origin.cpu;
	ret->ret = ctx->result;
	return TRACER_OK;
}

#if OVS_HAS_CT
/* What follows the attribute is, in the kernel, no netlink but struct ovs_conntrack_info (ovs_ct_copy_action()). */
static __always_inline void ovs_add_ct(struct tracer_event *event, struct ovs_conntrack_info *info)
{
	struct section_ovs_ct *ct = tracer_add(event, ovs_ct);

	if (!ct)
		return;
	__builtin_memset(ct, 0, sizeof(*ct));
	ct->zone_id = TRACER_PROBE_GET(info, zone.id);
	ct->family = TRACER_PROBE_GET(info, family);
	ct->commit = TRACER_PROBE_BITS(info, ovs_conntrack_info, commit);
	ct->force = TRACER_PROBE_BITS(info, ovs_conntrack_info, force);
#if OVS_HAS_NAT
	ct->nat = TRACER_PROBE_BITS(info, ovs_conntrack_info, nat);
	if (!ct->nat)
		return;
	ct->range_flags = TRACER_PROBE_GET(info, range.flags);
	bpf_probe_read_kernel(ct->min_addr, 16, TRACER_ADDRESS(info, range.min_addr));
	bpf_probe_read_kernel(ct->max_addr, 16, TRACER_ADDRESS(info, range.max_addr));
	ct->min_port = bpf_ntohs(TRACER_PROBE_GET(info, range.min_proto.all));
	ct->max_port = bpf_ntohs(TRACER_PROBE_GET(info, range.max_proto.all));
#endif
}
#endif

static __always_inline int ovs_collect_action(struct tracer_ctx *ctx, struct tracer_event *event)
{
	struct nlattr *attribute = ctx->nlattr;
	char *payload = (char *)attribute + sizeof(struct nlattr);
	u32 type = TRACER_GET(ctx, attribute, nla_type) & OVS_TYPE_MASK, argument = 0;
	struct section_ovs_action *action;

	if (!ovs_is_step(event, OVS_ACTION))
		return TRACER_NOTHING;
#if OVS_TRACK
	u64 stack = tracer_stack_key(ctx);
	struct ovs_execution *execution = ovs_executions.lookup(&stack);

	if (execution)
		ovs_add_received(event, &execution->origin);
#endif
	action = tracer_add(event, ovs_action);
	if (!action)
		return TRACER_NOTHING;
	action->type = type;
	action->recirc_id = TRACER_GET(ctx, ctx->sw_flow_key, recirc_id);
	if (type == OVS_OUTPUT || type == OVS_RECIRC || type == OVS_DROP)
		bpf_probe_read_kernel(&argument, sizeof(argument), payload);
	action->argument = argument;
#if OVS_HAS_CT
	if (type == OVS_CT)
		ovs_add_ct(event, (struct ovs_conntrack_info *)payload);
#endif
	if (type == OVS_OUTPUT)
		ovs_add_port(event, ctx->datapath, argument, true);
#if OVS_TRACK
	if (execution)
		ovs_add_origin(event, &execution->origin);
#endif
	return TRACER_OK;
}
