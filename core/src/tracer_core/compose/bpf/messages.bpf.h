/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What programs say to whoever runs them (ADR 0036): in the ring, between the events, as the number of a format and what belongs into
 * it. Formats are known to user space only. Not for fragments: TRACER_LOG is, in whose place the composer puts a call of this.
 */
struct tracer_message {
	struct section_header header;
	u64 number;
	u64 values[TRACER_MESSAGE_VALUES];
};

/* Messages that could not be written, per CPU. Read by user space through a mapping. */
BPF_F_TABLE("array", u32, u64, tracer_unsaid, TRACER_CPUS, BPF_F_MMAPABLE);

/* In place in the ring: programs have little stack. What the header says of a task is not filled, and not read. */
static __always_inline void tracer_say(struct tracer_ctx *ctx, u64 number, u64 a, u64 b, u64 c, u64 d)
{
	struct tracer_message *message;
	u32 cpu = bpf_get_smp_processor_id();
	u64 *unsaid;

	if (!tracer_is_enabled())
		return;
	message = tracer_events.ringbuf_reserve(sizeof(struct tracer_message));
	if (!message) {
		unsaid = tracer_unsaid.lookup(&cpu);
		if (unsaid)
			__sync_fetch_and_add(unsaid, 1);
		return;
	}
	message->header.timestamp = bpf_ktime_get_ns();
	message->header.present = 1ULL << TRACER_MESSAGE_SHIFT;
	message->header.probe = ctx ? ctx->probe : TRACER_MESSAGE_NOWHERE;
	message->number = number;
	message->values[0] = a;
	message->values[1] = b;
	message->values[2] = c;
	message->values[3] = d;
	tracer_events.ringbuf_submit(message, BPF_RB_NO_WAKEUP);
}
