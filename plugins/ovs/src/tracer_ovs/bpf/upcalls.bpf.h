/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Upcalls: from the datapath to a handler thread of the process, and back. What the fragments of both sides share.
 *
 * An upcall is known by the CPU and the time at which it begins. That goes along: with the stack that it runs on while the kernel
 * queues the packet; with the hash of the packet's first bytes until a handler has it; with the handler's batch while it decides, and
 * with the stack again when it has a packet executed, which is another one then.
 */
#define OVS_STACKS 1024	 /* calls at a time */
#define OVS_QUEUED 65536 /* packets on their way to the process */
#define OVS_THREADS 512	 /* handlers */
#define OVS_BATCH 64	 /* packets that a handler receives before it decides: UPCALL_MAX_BATCH, ofproto-dpif-upcall.c */

/* What a step is: decode.KINDS. */
#define OVS_UPCALL 0
#define OVS_ENQUEUE 1
#define OVS_RETURN 2
#define OVS_RECEIVE 3
#define OVS_OPERATION 4
#define OVS_ACTION 5
#define OVS_LOOKUP 6

static __always_inline bool ovs_is_step(struct tracer_event *event, u8 kind)
{
	struct section_ovs *section = tracer_add(event, ovs);

	if (section)
		section->kind = kind;
	return section;
}

/* Begin to report a step: the address of the group that says most of it, or NULL if the record cannot take it. */
#define ovs_step(event, kind, group) (ovs_is_step(event, kind) ? tracer_add(event, group) : NULL)

struct ovs_origin {
	u64 timestamp;
	u32 cpu;
	u32 queue_id;
};

/* An upcall that runs, by its stack. */
struct ovs_upcall {
	struct ovs_origin origin;
	u32 port;
	u32 cmd;
	u64 is_queued; /* the origin has the number of the packet that is being queued */
};

BPF_TABLE("lru_hash", u64, struct ovs_upcall, ovs_upcalls, OVS_STACKS);

#if OVS_TRACK
/* Packets on their way to the process, by their number. */
BPF_TABLE("lru_hash", u32, struct ovs_origin, ovs_queued, OVS_QUEUED);

#define OVS_PUT 1
#define OVS_EXECUTED 2
#define OVS_SENT 4

struct ovs_received {
	struct ovs_origin origin;
	u32 key_id;
	u16 index;
	u16 done;
};

/* What a handler has received since it last decided, as far as it is followed. */
struct ovs_batch {
	u64 timestamp; /* of the first */
	u32 received;
	u32 followed;
	u64 is_decided;
	struct ovs_received packets[OVS_BATCH];
};

BPF_TABLE("lru_hash", u64, struct ovs_batch, ovs_batches, OVS_THREADS);

/* What a batch begins with: too large for a program's stack. */
BPF_ARRAY(ovs_no_batch, struct ovs_batch, 1);

static __always_inline struct ovs_received *ovs_place(struct ovs_batch *batch, u64 number)
{
	tracer_mask(number, OVS_BATCH - 1);
	return &batch->packets[number];
}

/* The first packet of a number for which nothing of without was done, and all of with. */
static __always_inline struct ovs_received *ovs_find(struct ovs_batch *batch, u32 queue_id, u16 with, u16 without)
{
	u32 i;

#pragma clang loop unroll(disable)
	for (i = 0; i < OVS_BATCH; i++) {
		struct ovs_received *packet = ovs_place(batch, i);

		if (i >= batch->followed)
			break;
		if (packet->origin.queue_id == queue_id && (packet->done & (with | without)) == with)
			return packet;
	}
	return NULL;
}

/* A packet that a handler has executed, by the stack on which its actions run. */
struct ovs_execution {
	struct ovs_origin origin;
	u64 depth; /* ovs_execute_actions() calls itself by way of recirculation */
};

BPF_TABLE("lru_hash", u64, struct ovs_execution, ovs_executions, OVS_STACKS);

static __always_inline struct section_ovs_received *ovs_add_received(struct tracer_event *event, const struct ovs_origin *origin)
{
	struct section_ovs_received *received = tracer_add(event, ovs_received);

	if (!received)
		return NULL;
	received->queue_id = origin->queue_id;
	received->batch_ts = 0;
	received->batch_idx = 0;
	received->op_type = 0;
	return received;
}

static __always_inline void ovs_add_origin(struct tracer_event *event, const struct ovs_origin *origin)
{
	struct section_ovs_upcall *upcall = tracer_add(event, ovs_upcall);

	if (!upcall)
		return;
	upcall->timestamp = origin->timestamp;
	upcall->cpu = origin->cpu;
	upcall->latency = tracer_header(event)->timestamp - origin->timestamp;
}
#endif
