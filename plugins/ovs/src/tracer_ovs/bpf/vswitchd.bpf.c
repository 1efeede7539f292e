/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * A packet in the process: USDT probes of ovs-vswitchd. Each handler thread receives up to 64 packets (recv_upcall), decides about all of
 * them, then puts flows for them (op_flow_put) and has them executed (op_flow_execute), in one go. Arguments, by documentation
 * of Open vSwitch (Documentation/topics/usdt-probes.rst) and from 0:
 *
 *   dpif_recv:recv_upcall			 name, type, packet, its size, key, its size
 *   dpif_netlink_operate__:op_flow_put		 dpif, struct dpif_flow_put *, flow, request
 *   dpif_netlink_operate__:op_flow_execute	 dpif, struct dpif_execute *, packet, its size, request
 *
 * Which packet something is done for is told by the packet, or by the key of the flow: it is that of the upcall.
 */

/* struct dpif_flow_put, lib/dpif.h: flags, then what follows; the same since 2012. */
struct ovs_flow_put {
	u64 flags;
	u64 key;
	u64 key_size;
};

static __always_inline struct ovs_batch *ovs_batch_of(u64 thread)
{
	struct ovs_batch *batch = ovs_batches.lookup(&thread);
	u32 first = 0;

	if (batch)
		return batch;
	batch = ovs_no_batch.lookup(&first);
	if (batch)
		ovs_batches.update(&thread, batch);
	return ovs_batches.lookup(&thread);
}

static __always_inline int ovs_collect_receive(struct tracer_ctx *ctx, struct tracer_event *event)
{
	struct ovs_batch *batch = ovs_batch_of(bpf_get_current_pid_tgid());
	u32 queue_id = ovs_user_queue_id(TRACER_ARG(ctx, 2), TRACER_ARG(ctx, 3));
	struct ovs_origin *queued = ovs_queued.lookup(&queue_id);
	struct section_header *header = tracer_header(event);
	struct section_ovs_received *received;
	struct section_ovs_arrival *arrival;
	struct ovs_received *packet;
	struct ovs_origin origin;
	u32 index;

	if (!batch)
		return TRACER_NOTHING;
	if (batch->is_decided || !batch->received || batch->followed >= OVS_BATCH) {
		batch->timestamp = header->timestamp;
		batch->is_decided = 0;
		batch->received = 0;
		batch->followed = 0;
	}
	index = batch->received++;
	if (!queued)
		return TRACER_NOTHING;
	origin = *queued;
	ovs_queued.delete(&queue_id);
	packet = ovs_place(batch, batch->followed++);
	packet->origin = origin;
	packet->key_id = ovs_user_key_id(TRACER_ARG(ctx, 4), TRACER_ARG(ctx, 5));
	packet->index = index;
	packet->done = 0;
	received = ovs_is_step(event, OVS_RECEIVE) ? ovs_add_received(event, &origin) : NULL;
	if (!received)
		return TRACER_NOTHING;
	received->batch_ts = batch->timestamp;
	received->batch_idx = index;
	arrival = tracer_add(event, ovs_arrival);
	if (!arrival)
		return TRACER_NOTHING;
	arrival->type = TRACER_ARG(ctx, 1);
	arrival->pkt_size = TRACER_ARG(ctx, 3);
	arrival->key_size = TRACER_ARG(ctx, 5);
	ovs_add_origin(event, &origin);
	return TRACER_OK;
}

static __always_inline int ovs_operation(struct tracer_event *event, struct ovs_batch *batch, struct ovs_received *packet,
					 u16 operation)
{
	struct section_ovs_received *received;

	packet->done |= operation;
	received = ovs_is_step(event, OVS_OPERATION) ? ovs_add_received(event, &packet->origin) : NULL;
	if (!received)
		return TRACER_NOTHING;
	received->batch_ts = batch->timestamp;
	received->batch_idx = packet->index;
	received->op_type = operation;
	ovs_add_origin(event, &packet->origin);
	return TRACER_OK;
}

static __always_inline int ovs_collect_put(struct tracer_ctx *ctx, struct tracer_event *event)
{
	u64 thread = bpf_get_current_pid_tgid();
	struct ovs_batch *batch = ovs_batches.lookup(&thread);
	struct ovs_flow_put put;
	u32 key_id, i;

	if (!batch)
		return TRACER_NOTHING;
	batch->is_decided = 1;
	TRACER_USER_COPY(put, TRACER_ARG(ctx, 1));
	key_id = ovs_user_key_id(put.key, put.key_size);
#pragma clang loop unroll(disable)
	for (i = 0; i < OVS_BATCH; i++) {
		struct ovs_received *packet = ovs_place(batch, i);

		if (i >= batch->followed)
			break;
		if (packet->key_id == key_id && !(packet->done & OVS_PUT))
			return ovs_operation(event, batch, packet, OVS_PUT);
	}
	return TRACER_NOTHING;
}

static __always_inline int ovs_collect_execute(struct tracer_ctx *ctx, struct tracer_event *event)
{
	u64 thread = bpf_get_current_pid_tgid();
	struct ovs_batch *batch = ovs_batches.lookup(&thread);
	struct ovs_received *packet;

	if (!batch)
		return TRACER_NOTHING;
	batch->is_decided = 1;
	packet = ovs_find(batch, ovs_user_queue_id(TRACER_ARG(ctx, 2), TRACER_ARG(ctx, 3)), 0, OVS_EXECUTED);
	return packet ? ovs_operation(event, batch, packet, OVS_EXECUTED) : TRACER_NOTHING;
}
