/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The core's own part of a program: switch, network namespaces, record slots, ring buffer. Not for fragments. */

/* Written by user space through a mapping, so that no map system call runs while attached. */
BPF_F_TABLE("array", u32, u64, tracer_enabled, 1, BPF_F_MMAPABLE);

/* Events that could not be written: per CPU, then per probe and CPU. Read by user space through a mapping. */
BPF_F_TABLE("array", u32, u64, tracer_lost, TRACER_CPUS *(TRACER_PROBES + 1), BPF_F_MMAPABLE);

/*
 * Records are built in per-CPU slots and then written in one go, so that an event without anything to report takes no space.
 * An interrupt can trace while the same CPU is building: it takes the next slot.
 */
BPF_PERCPU_ARRAY(tracer_slots, struct tracer_event, TRACER_SLOTS);

BPF_RINGBUF_OUTPUT(tracer_events, TRACER_RING_PAGES);

/* The loader puts the probe's index in place of this constant: one compiled program serves many probes. */
static __always_inline u32 tracer_probe(void)
{
	u64 id;

	asm volatile("%0 = 0x7ace7ace00000001 ll" : "=r"(id));
	return id;
}

static __always_inline bool tracer_is_enabled(void)
{
	u32 key = 0;
	u64 *enabled = tracer_enabled.lookup(&key);

	return enabled && *enabled;
}

static __always_inline void tracer_count_lost(u32 index)
{
	u64 *lost = tracer_lost.lookup(&index);

	if (lost)
		__sync_fetch_and_add(lost, 1);
}

static __always_inline void tracer_lose(u32 probe)
{
	u32 cpu = bpf_get_smp_processor_id();

	tracer_count_lost(cpu);
	tracer_count_lost((probe + 1) * TRACER_CPUS + cpu);
}

#ifdef TRACER_NETNS
/* Inode number of the packet's network namespace, 0 if there is no way to tell. */
static __always_inline u32 tracer_netns(struct tracer_ctx *ctx)
{
	struct net *net = NULL;

	if (ctx->sk_buff) {
		struct net_device *dev = TRACER_GET(ctx, ctx->sk_buff, dev);

		if (dev) {
			net = TRACER_GET(ctx, dev, nd_net.net);
		} else {
			struct sock *sk = TRACER_GET(ctx, ctx->sk_buff, sk);

			if (sk)
				net = TRACER_GET(ctx, sk, __sk_common.skc_net.net);
		}
	} else if (ctx->net_device) {
		net = TRACER_GET(ctx, ctx->net_device, nd_net.net);
	} else if (ctx->net) {
		net = ctx->net;
	}
	return net ? TRACER_GET(ctx, net, ns.inum) : 0;
}

static __always_inline bool tracer_wants_netns(struct tracer_ctx *ctx)
{
	u32 inum = tracer_netns(ctx);

	return TRACER_NETNS(inum);
}
#else
static __always_inline bool tracer_wants_netns(struct tracer_ctx *ctx)
{
	return true;
}
#endif

/*
 * A slot is ours if we are its only user after having said so. No atomic that returns a value: 5.10 has none. When two
 * contend, both may step back and take another slot; neither ever writes to the other's.
 */
static __always_inline bool tracer_take(struct tracer_event *event)
{
	__sync_fetch_and_add(&event->users, 1);
	if (*(volatile u64 *)&event->users == 1)
		return true;
	__sync_fetch_and_add(&event->users, -1);
	return false;
}

static __always_inline struct tracer_event *tracer_begin(struct tracer_ctx *ctx, u32 probe)
{
	struct tracer_event *event = NULL;
	struct section_header *header;
	u64 pid_tgid;
	u32 cpu, slot;
	u64 *lost;

#pragma unroll
	for (slot = 0; slot < TRACER_SLOTS; slot++) {
		u32 key = slot;

		event = tracer_slots.lookup(&key);
		if (!event)
			return NULL;
		if (tracer_take(event))
			goto taken;
	}
	tracer_lose(probe);
	return NULL;
taken:
	header = tracer_header(event);
	pid_tgid = bpf_get_current_pid_tgid();
	cpu = bpf_get_smp_processor_id();
	header->timestamp = ctx->timestamp;
	header->present = 0;
	header->pid = pid_tgid >> 32;
	header->tgid = pid_tgid;
	header->cpu = cpu;
	header->probe = probe;
	lost = tracer_lost.lookup(&cpu);
	header->lost = lost ? *lost : 0;
	bpf_get_current_comm(header->comm, sizeof(header->comm));
	event->size = TRACER_SIZE_header;
	return event;
}

static __always_inline void tracer_end_event(struct tracer_event *event, u32 probe, bool wanted)
{
	if (wanted) {
		u64 size = tracer_end(event);
		void *data = event->data;
		long error = 0;

		if (size <= TRACER_DATA_MAX)
			error = tracer_events.ringbuf_output(data, size, 0);
		if (error)
			tracer_lose(probe);
	}
	__sync_fetch_and_add(&event->users, -1);
}
