/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Which packet an skb carries (ADR 0016). A packet is known by the address of its data, which clones share, from where it is
 * first seen until the data is freed; when the data moves, what is known of it moves along.
 *
 * The table is an array of sets, which the address chooses among; a set has room for a few packets and throws out the one not
 * seen for longest. No clean-up is needed, and the common case, memory that is no packet's, costs one cache line.
 *
 * Readers take no lock: they copy and then look whether the entry is still the same packet's. Writers of new entries take the
 * set, as slots of records are taken; freeing only clears an address. So what is lost when CPUs meet is at worst an entry,
 * never which packet it belongs to. Stores must become visible in their order, as on x86.
 */
#define TRACER_WAYS 4
#define TRACER_SET_BITS 13
#define TRACER_TAKE_TRIES 8

/* Of a packet not seen for so long, the end was missed: 60 s, in units of tracer_ticks(). */
#define TRACER_MAX_AGE 57220

/* Two cache lines, and the first is all that is read where a packet is not known. */
struct tracer_set {
	u64 heads[TRACER_WAYS];
	u32 seen[TRACER_WAYS];
	u64 users;
	u64 unused;
	struct tracer_tracked packets[TRACER_WAYS];
};

/* With a mapping, values begin at a page, so that sets begin at a cache line. */
BPF_F_TABLE("array", u32, struct tracer_set, tracer_tracking, 1 << TRACER_SET_BITS, BPF_F_MMAPABLE);

#define tracer_order() asm volatile("" ::: "memory")
#define tracer_read(place) (*(volatile typeof(place) *)&(place))

static __always_inline u32 tracer_ticks(u64 timestamp)
{
	return timestamp >> 20;
}

/* The key is stored whole: to verifiers from 6.17 on, what is computed from a pointer that was loaded is a pointer. */
static __always_inline struct tracer_set *tracer_set_of(u64 head)
{
	u64 key = head * 0x9e3779b97f4a7c15ULL >> (64 - TRACER_SET_BITS);

	return tracer_tracking.lookup((u32 *)&key);
}

/* Another CPU's time may be a little ahead. */
static __always_inline s32 tracer_age(struct tracer_set *set, u32 way, u32 now)
{
	return now - tracer_read(set->seen[way]);
}

static __always_inline bool tracer_copy(struct tracer_set *set, u64 way, u64 head, u32 now, struct tracer_tracked *tracked)
{
	tracer_mask(way, TRACER_WAYS - 1);
	if (tracer_age(set, way, now) > TRACER_MAX_AGE)
		return false;
	tracked->timestamp = tracer_read(set->packets[way].timestamp);
	tracked->orig_head = tracer_read(set->packets[way].orig_head);
	if (tracer_read(set->heads[way]) != head)
		return false;
	if (tracer_read(set->seen[way]) != now)
		set->seen[way] = now;
	return true;
}

/* What is known of the packet with its data at head; false if nothing is. */
static __always_inline bool tracer_find(u64 head, u64 timestamp, struct tracer_tracked *tracked)
{
	struct tracer_set *set = tracer_set_of(head);
	u32 way;

	if (!set || !head)
		return false;
#pragma unroll
	for (way = 0; way < TRACER_WAYS; way++)
		if (tracer_read(set->heads[way]) == head)
			return tracer_copy(set, way, head, tracer_ticks(timestamp), tracked);
	return false;
}

static __always_inline bool tracer_take_set(struct tracer_set *set)
{
	u32 try;

#pragma unroll
	for (try = 0; try < TRACER_TAKE_TRIES; try++)
		if (tracer_take(&set->users))
			return true;
	return false;
}

/*
 * Know a packet from now on. If another CPU was faster, *tracked becomes what that one wrote, unless it is to be replaced.
 * False if the set is taken all the time, which takes an interrupt in the midst of this.
 */
static __always_inline bool tracer_know(u64 head, u64 timestamp, struct tracer_tracked *tracked, bool replace)
{
	struct tracer_set *set = tracer_set_of(head);
	s32 oldest = -0x7fffffff;
	u32 now = tracer_ticks(timestamp);
	u64 best = 0;
	u32 way;

	if (!set || !head)
		return false;
	if (!tracer_take_set(set)) {
		TRACER_LOG(NULL, debug, "the packet with its data at %p cannot be followed: its set is being written", head);
		return false;
	}
#pragma unroll
	for (way = 0; way < TRACER_WAYS; way++) {
		u64 known = tracer_read(set->heads[way]);
		s32 age = tracer_age(set, way, now);

		if (known == head) {
			if (!replace && tracer_copy(set, way, head, now, tracked))
				goto taken;
			best = way;
			goto found;
		}
		if (!known)
			age = 0x7fffffff;
		if (age > oldest) {
			oldest = age;
			best = way;
		}
	}
	if (oldest <= TRACER_MAX_AGE)
		TRACER_LOG(NULL, debug, "too many packets: one last seen %d s ago is forgotten for the one with its data at %p",
			   (oldest > 0 ? (u32)oldest : 0) / 954, head);
found:
	tracer_mask(best, TRACER_WAYS - 1);
	tracer_read(set->heads[best]) = 0;
	tracer_order();
	set->packets[best] = *tracked;
	set->seen[best] = now;
	tracer_order();
	tracer_read(set->heads[best]) = head;
taken:
	tracer_give(&set->users);
	return true;
}

/*
 * Know nothing of what is at head any more. True if it was a packet's data, and *tracked, unless it is NULL, is then that packet.
 * An empty place has the address 0, which is freed, too: kfree(NULL).
 */
static __always_inline bool tracer_forget(u64 head, struct tracer_tracked *tracked)
{
	struct tracer_set *set = tracer_set_of(head);
	u32 way;

	if (!set || !head)
		return false;
#pragma unroll
	for (way = 0; way < TRACER_WAYS; way++)
		if (tracer_read(set->heads[way]) == head) {
			if (tracked) {
				tracked->timestamp = tracer_read(set->packets[way].timestamp);
				tracked->orig_head = tracer_read(set->packets[way].orig_head);
				if (tracer_read(set->heads[way]) != head)
					return false;
			}
			tracer_read(set->heads[way]) = 0;
			return true;
		}
	return false;
}

#ifdef TRACER_TRACKED_DATA
/*
 * Who sorts events while they are traced is told in how many more places a packet's data is: journeys end when it is nowhere. It
 * stands in the ring behind all events of the packet, which come before its last reference goes. A record may be lost: he does
 * not wait for ever.
 */
static __always_inline void tracer_put_tracked_data(struct tracer_ctx *ctx, struct tracer_tracked *tracked, s64 more)
{
	struct {
		struct section_header header;
		struct section_tracked_data data;
	} record = {};

	if (!tracer_is_enabled())
		return;
	record.header.timestamp = bpf_ktime_get_ns();
	record.header.present = 1ULL << TRACER_SHIFT_tracked_data;
	record.header.cpu = bpf_get_smp_processor_id();
	record.header.probe = ctx->probe;
	record.data.orig_head = tracked->orig_head;
	record.data.timestamp = tracked->timestamp;
	record.data.more = more;
	tracer_events.ringbuf_output(&record, sizeof(record), BPF_RB_NO_WAKEUP);
}
#else
#define tracer_put_tracked_data(ctx, tracked, more) ((void)(tracked))
#endif

/* The memory at head is freed. Most is no packet's. */
static __always_inline void tracer_freed(struct tracer_ctx *ctx, u64 head)
{
#ifdef TRACER_TRACKED_DATA
	struct tracer_tracked tracked;

	if (tracer_forget(head, &tracked))
		tracer_put_tracked_data(ctx, &tracked, -1);
#else
	tracer_forget(head, NULL);
#endif
}

/* Where the data of the probe's packet is; 0 if there is no packet. */
static __always_inline u64 tracer_head(struct tracer_ctx *ctx)
{
	return ctx->sk_buff ? (u64)TRACER_GET(ctx, ctx->sk_buff, head) : 0;
}

/* Whether the packet is followed already. */
static __always_inline bool tracer_knows(u64 head)
{
	struct tracer_set *set = tracer_set_of(head);
	u32 way;

	if (!set || !head)
		return false;
#pragma unroll
	for (way = 0; way < TRACER_WAYS; way++)
		if (tracer_read(set->heads[way]) == head)
			return true;
	return false;
}

/* Follow a packet of which nothing is known from here on. */
static __always_inline bool tracer_track(struct tracer_ctx *ctx, u64 head, struct tracer_tracked *tracked)
{
	tracked->timestamp = ctx->timestamp;
	tracked->orig_head = head;
	return tracer_know(head, ctx->timestamp, tracked, false);
}

/*
 * For fragments: follow a packet from here on, whatever filters say of it: it is what one that they wanted has become. Where nobody
 * asks which packet is which, and nothing is filtered, this does nothing.
 */
static __always_inline bool tracer_follow(struct tracer_ctx *ctx, struct sk_buff *skb)
{
	struct tracer_tracked tracked;

	return tracer_track(ctx, (u64)TRACER_PROBE_GET(skb, head), &tracked);
}

static __always_inline void tracer_freed_packet(struct tracer_ctx *ctx, struct sk_buff *skb)
{
	tracer_freed(ctx, (u64)TRACER_GET(ctx, skb, head));
}

/*
 * An skb lets go of its data in a page fragment, which is freed unless a clone has it: skb_release_data(), net/core/skbuff.c.
 * References of those that will not touch the headers are counted in the upper half, too.
 */
static __always_inline void tracer_released(struct tracer_ctx *ctx, struct sk_buff *skb)
{
	char *head;
	struct skb_shared_info *shared;

	if (!TRACER_GET_BITS(ctx, skb, sk_buff, head_frag))
		return;
	head = (char *)TRACER_GET(ctx, skb, head);
	if (TRACER_GET_BITS(ctx, skb, sk_buff, cloned)) {
		shared = (struct skb_shared_info *)(head + TRACER_GET(ctx, skb, end));
		if (TRACER_PROBE_GET(shared, dataref.counter) != (TRACER_GET_BITS(ctx, skb, sk_buff, nohdr) ? 0x10001 : 1))
			return;
	}
	tracer_freed(ctx, (u64)head);
}

/* While data moves, what is known of the packet is under the skb's address, made odd: no data has such a one. */
static __always_inline u64 tracer_moving(struct sk_buff *skb)
{
	return tracer_number((u64 *)&skb) | 1;
}

/* It is noted by the program at whose return it has moved, and by the user's there; the former tells, once and before the move. */
static __always_inline void tracer_note(struct tracer_ctx *ctx, struct sk_buff *skb, bool tells)
{
	struct tracer_tracked tracked;
	u64 now = bpf_ktime_get_ns();

	if (!tracer_find((u64)TRACER_GET(ctx, skb, head), now, &tracked))
		tracer_forget(tracer_moving(skb), NULL);
	else if (tracer_know(tracer_moving(skb), now, &tracked, true) && tells)
		tracer_put_tracked_data(ctx, &tracked, 1);
}

static __always_inline void tracer_move(struct tracer_ctx *ctx, struct sk_buff *skb, s32 error)
{
	struct tracer_tracked tracked;
	u64 now = bpf_ktime_get_ns();

	if (!tracer_find(tracer_moving(skb), now, &tracked))
		return;
	tracer_forget(tracer_moving(skb), NULL);
	if (error || !tracer_know((u64)TRACER_GET(ctx, skb, head), now, &tracked, true))
		tracer_put_tracked_data(ctx, &tracked, -1);
}
