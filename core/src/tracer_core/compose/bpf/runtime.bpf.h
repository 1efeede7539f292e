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

/* The loader puts a number in place of a constant: one compiled program serves many probes and network namespaces. */
#define tracer_constant(number)                                                                                        \
	({                                                                                                             \
		u64 tracer_number;                                                                                     \
		asm volatile("%0 = " #number " ll" : "=r"(tracer_number));                                             \
		(u32) tracer_number;                                                                                   \
	})

static __always_inline u32 tracer_probe(void)
{
	return tracer_constant(0x7ace7ace00000001);
}

#ifdef TRACER_ADDRESSES
/* For kernels without cookies: indices of probes by the address of the function. Filled before anything is attached. */
BPF_HASH(tracer_addresses, u64, u64, TRACER_ADDRESSES);

static __always_inline u64 tracer_probe_at(u64 address)
{
	u64 *probe = tracer_addresses.lookup(&address);

	return probe ? *probe : TRACER_PROBES;
}
#endif

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

static __always_inline void tracer_give(u64 *users)
{
	__sync_fetch_and_add(users, -1);
}

/*
 * What counts its users is ours if we are the only one after having said so. No atomic that returns a value: 5.10 has none.
 * When two contend, both may step back and take another; neither ever writes to the other's.
 */
static __always_inline bool tracer_take(u64 *users)
{
	__sync_fetch_and_add(users, 1);
	if (*(volatile u64 *)users == 1)
		return true;
	tracer_give(users);
	return false;
}

/* An address on the stack as a number: the verifier wants no arithmetic on what it knows to be a pointer. */
static __always_inline u64 tracer_number(u64 *address)
{
	u64 number = 0;

	bpf_probe_read_kernel(&number, sizeof(number), address);
	return number;
}

struct tracer_call {
	u64 entered;
	u64 matched; /* what the filter said then */
	u64 args[8]; /* the last two are 0 */
#ifdef TRACER_FOLLOW_STACK
	struct tracer_tracked tracked; /* whom the stack ran for then */
#endif
};

/* Arguments from registers, to be chosen among by a number. */
static __always_inline void tracer_save(struct tracer_call *call, u64 *args)
{
	call->args[6] = call->args[7] = 0;
	TRACER_SAVE(call, args)
}

/* What a cookie says (plan.PlannedProbe.cookie()): the probe, its shape, and where an argument is; 7 if there is none. */
#define TRACER_INDEX(cookie) ((cookie) & 0xfffff)
#define TRACER_SHAPE(cookie) ((cookie) >> 20 & 0xfff)
#define TRACER_POSITION(cookie, n) ((cookie) >> (32 + 3 * (n)) & 7)

#ifdef TRACER_CALLS
/*
 * Calls of functions that are probed at their return, from their entry on. The frame is an address on the stack that no other
 * call uses before this one returns, but for functions that end by jumping to one another: hence the probe. Calls that never
 * return are the oldest some day; then others take their place.
 */
struct tracer_frame {
	u64 address;
	u64 probe;
};

BPF_TABLE("lru_hash", struct tracer_frame, struct tracer_call, tracer_calls, TRACER_CALLS);

/* A trampoline gives its programs at entry and return the same context, on its own frame. */
static __always_inline u64 tracer_trampoline(u64 **args)
{
	return tracer_number((u64 *)args);
}

static __always_inline void tracer_enter(struct tracer_call *call, u64 address, u64 probe)
{
	struct tracer_frame frame = {.address = address, .probe = probe};

	tracer_calls.update(&frame, call);
}

/* False if the call was entered before tracing was, or was forgotten. */
static __always_inline bool tracer_leave(struct tracer_call *call, u64 address, u64 probe)
{
	struct tracer_frame frame = {.address = address, .probe = probe};
	struct tracer_call *entered = tracer_calls.lookup(&frame);

	if (!entered)
		return false;
	*call = *entered;
	tracer_calls.delete(&frame);
	return true;
}
#endif

#ifdef TRACER_SIZE_return
static __always_inline void tracer_add_return(struct tracer_event *event, u64 entered, s64 value, u8 form)
{
	struct section_return *section = tracer_add(event, return);

	if (section) {
		section->entered = entered;
		section->duration = tracer_header(event)->timestamp - entered;
		section->value = value;
		section->form = form;
	}
}
#endif

#ifdef TRACER_SIZE_stack
static __always_inline void tracer_add_stack(void *context, struct tracer_event *event)
{
	struct section_header *header = tracer_header(event);
	u64 at = tracer_end(event);
	struct section_stack *section = (void *)(event->data + at);
	u32 room = TRACER_BLOB_ROOM(TRACER_BLOB_MAX_stack);
	u64 bytes, steps;
	long result;

	if (at > TRACER_DATA_MAX - TRACER_SIZE_stack - room)
		return;
	result = bpf_get_stack(context, event->data + at + TRACER_SIZE_stack, TRACER_BLOB_MAX_stack, 0);
	if (result <= 0) {
		TRACER_LOG(NULL, debug, "the stack cannot be read: error %d", -result);
		return;
	}
	bytes = result;
	tracer_mask(bytes, TRACER_BLOB_MASK_stack);
	steps = TRACER_BLOB_ROOM(bytes) / TRACER_BLOB_STEP;
	section->size = bytes;
	header->present |= (1ULL | steps << 1) << TRACER_SHIFT_stack;
	event->size = at + TRACER_SIZE_stack + steps * TRACER_BLOB_STEP;
}
#endif

#ifdef TRACER_TASK
#define TRACER_ONES 0x0101010101010101ULL

/* Without what follows the first zero: __set_task_comm() leaves there what it likes before 5.17. */
static __always_inline u64 tracer_until_zero(u64 word, u64 zero)
{
	return zero ? word & ((zero ^ (zero - 1)) >> 8) : word;
}

/* Plain loads take a third of the time of the helper, which is of what an event takes a fifth. */
static __always_inline void tracer_comm(u8 *comm)
{
	u64 *task = (u64 *)TRACER_ADDRESS((struct task_struct *)bpf_get_current_task_btf(), comm);
	u64 first = task[0], second = task[1];
	u64 zero = (first - TRACER_ONES) & ~first & TRACER_ONES << 7;

	((u64 *)comm)[0] = tracer_until_zero(first, zero);
	((u64 *)comm)[1] = zero ? 0 : tracer_until_zero(second, (second - TRACER_ONES) & ~second & TRACER_ONES << 7);
}
#endif

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
		if (tracer_take(&event->users))
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
#ifdef TRACER_TASK
	if (ctx->typed)
		tracer_comm((u8 *)header->comm);
	else
#endif
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
			error = tracer_events.ringbuf_output(data, size, BPF_RB_NO_WAKEUP);
		if (error)
			tracer_lose(probe);
	}
	tracer_give(&event->users);
}
