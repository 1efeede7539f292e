/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The border, from the kernel's side: packets that go to the process, and packets that the process has executed.
 *
 * queue_userspace_packet() first brings a packet into the form that the process gets (a VLAN tag into its bytes, its checksum computed),
 * then copies it with skb_zerocopy(), then sends. At the copy its number is final, and the process cannot have it yet.
 *
 *   OVS_VLAN_PRESENT	 a bit of the skb says whether it has a tag (5.0 to 6.1)
 */
/* Arguments of skb_zerocopy(): the packet, and how much of it is copied. */
#define OVS_COPY_FROM 1
#define OVS_COPY_SIZE 2

static __always_inline int ovs_note_copy(struct tracer_ctx *ctx, struct tracer_event *event)
{
	u64 stack = tracer_stack_key(ctx);
	struct ovs_upcall *running = ovs_upcalls.lookup(&stack);
	struct ovs_origin origin;

	if (!running)
		return TRACER_NOTHING;
	origin = running->origin;
	origin.queue_id = ovs_skb_queue_id((struct sk_buff *)TRACER_ARG(ctx, OVS_COPY_FROM), TRACER_ARG(ctx, OVS_COPY_SIZE));
	running->origin.queue_id = origin.queue_id;
	running->is_queued = 1;
	ovs_queued.update(&origin.queue_id, &origin);
	return TRACER_NOTHING;
}

static __always_inline int ovs_collect_enqueue(struct tracer_ctx *ctx, struct tracer_event *event)
{
	u64 stack = tracer_stack_key(ctx);
	struct ovs_upcall *running = ovs_upcalls.lookup(&stack);
	struct section_ovs_enqueue *enqueue;
	u32 queue_id;

	if (!running)
		return TRACER_NOTHING;
	enqueue = ovs_step(event, OVS_ENQUEUE, ovs_enqueue);
	if (!enqueue)
		return TRACER_NOTHING;
	queue_id = running->is_queued ? running->origin.queue_id : 0;
	running->is_queued = 0; /* of a packet in segments, each comes by */
	enqueue->upcall_ts = running->origin.timestamp;
	enqueue->upcall_cpu = running->origin.cpu;
	enqueue->port = running->port;
	enqueue->cmd = running->cmd;
	enqueue->queue_id = queue_id;
	enqueue->ret = ctx->result;
	if (ctx->result && queue_id)
		ovs_queued.delete(&queue_id);
	return TRACER_OK;
}

#define OVS_MAC_WORDS 3 /* what stands in front of a VLAN tag: two MAC addresses */

static __always_inline bool ovs_has_tag(struct sk_buff *skb)
{
#if OVS_VLAN_PRESENT
	return TRACER_PROBE_BITS(skb, sk_buff, vlan_present);
#else
	return TRACER_PROBE_GET(skb, vlan_all);
#endif
}

/*
 * The number that a packet has in the process, when its actions are executed: by then ovs_flow_key_extract_userspace() has taken a VLAN
 * tag out of its bytes.
 */
static __always_inline u32 ovs_executed_queue_id(struct sk_buff *skb)
{
	u32 words[OVS_PACKET_BYTES / 4] = {}, rest[OVS_PACKET_BYTES / 4];
	u32 size = TRACER_PROBE_GET(skb, len), i;
	unsigned char *data;

	if (!ovs_has_tag(skb))
		return ovs_skb_queue_id(skb, size);
	data = TRACER_PROBE_GET(skb, data);
	bpf_probe_read_kernel(words, OVS_MAC_WORDS * 4, data);
	words[OVS_MAC_WORDS] = TRACER_PROBE_GET(skb, vlan_proto) | (u32)bpf_htons(TRACER_PROBE_GET(skb, vlan_tci)) << 16;
	ovs_read(rest, OVS_PACKET_BYTES, bpf_probe_read_kernel, data + OVS_MAC_WORDS * 4, size - OVS_MAC_WORDS * 4);
#pragma unroll
	for (i = OVS_MAC_WORDS + 1; i < OVS_PACKET_BYTES / 4; i++)
		words[i] = rest[i - OVS_MAC_WORDS - 1];
	return ovs_hash(words, OVS_PACKET_BYTES / 4);
}

#define OVS_EXECUTED_PACKET 1 /* argument of ovs_execute_actions() */

/*
 * A handler executes packets in its own thread, in the very system call by which it asks for it. They are followed as others are that
 * the filters wanted: what went up may have been changed on its way here.
 */
static __always_inline int ovs_note_execution(struct tracer_ctx *ctx, struct tracer_event *event)
{
	struct sk_buff *skb = (struct sk_buff *)TRACER_ARG(ctx, OVS_EXECUTED_PACKET);
	u64 stack = tracer_stack_key(ctx), thread = bpf_get_current_pid_tgid();
	struct ovs_execution *outer = ovs_executions.lookup(&stack), execution = {.depth = 1};
	struct ovs_batch *batch = ovs_batches.lookup(&thread);
	struct ovs_received *packet = NULL;

	if (batch && batch->is_decided)
		packet = ovs_find(batch, ovs_executed_queue_id(skb), OVS_EXECUTED, OVS_SENT);
	if (packet) {
		packet->done |= OVS_SENT;
		execution.origin = packet->origin;
		ovs_executions.update(&stack, &execution);
		tracer_follow(ctx, skb);
	} else if (outer) {
		outer->depth++;
	}
	return TRACER_NOTHING;
}

static __always_inline int ovs_forget_execution(struct tracer_ctx *ctx, struct tracer_event *event)
{
	u64 stack = tracer_stack_key(ctx);
	struct ovs_execution *execution = ovs_executions.lookup(&stack);

	if (execution && !--execution->depth)
		ovs_executions.delete(&stack);
	return TRACER_NOTHING;
}
