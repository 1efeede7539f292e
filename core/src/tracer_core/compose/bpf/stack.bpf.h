/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Which packet a kernel stack runs for (ADR 0024): what a place without a packet inherits. Before this text stand:
 *
 *   TRACER_FOLLOW_STACK	 packets are marked on the stacks that they are met on (--follow-stack)
 *   TRACER_LEVELS	 calls of functions, one within the other, that can be told apart on a stack; a power of two
 *
 * A position is an address on the stack: at kprobes the stack pointer, elsewhere the address of the program's context. What a
 * call calls has lower ones, and it has returned when there is a higher one. So the return of a call may be missed.
 */
#define TRACER_STACKS 4096
#define TRACER_UNWINDS 4 /* calls whose return was missed are left behind in passing, so many at a time */

/* Of a call in which no packet was met for so long, the return was missed; a mark so old is for something else: 1 s. */
#define TRACER_MET_AGE 954

/* The frame of what a packet marks: all of the stack is within it, and it never returns. */
#define TRACER_BASE (~0ULL)

struct tracer_level {
	u64 frame; /* the position where the call was entered */
	u64 head; /* its packet's data; 0 if it runs for none that is followed */
	struct tracer_tracked packet;
	u32 met; /* when the packet was, in units of tracer_ticks() */
	u32 loose; /* its packet is the last that is met in it */
};

/* The calls that are running, the outermost first. */
struct tracer_stack {
	u64 count;
	u64 full; /* frame of the first for which there was no room */
	struct tracer_level levels[TRACER_LEVELS];
};

BPF_TABLE("lru_hash", u64, struct tracer_stack, tracer_stacks, TRACER_STACKS);

/* What a stack begins with: too large for a program's own. */
BPF_ARRAY(tracer_no_calls, struct tracer_stack, 1);

static __always_inline struct tracer_stack *tracer_known_stack(u64 position)
{
	u64 key = tracer_stack_at(position);

	return tracer_stacks.lookup(&key);
}

static __always_inline struct tracer_level *tracer_level(struct tracer_stack *stack, u64 number)
{
	tracer_mask(number, TRACER_LEVELS - 1);
	return &stack->levels[number];
}

static __always_inline struct tracer_stack *tracer_any_stack(u64 position)
{
	u64 key = tracer_stack_at(position);
	struct tracer_stack *stack = tracer_stacks.lookup(&key);
	u32 first = 0;

	if (stack)
		return stack;
	stack = tracer_no_calls.lookup(&first);
	if (!stack)
		return NULL;
	tracer_stacks.update(&key, stack);
	stack = tracer_stacks.lookup(&key);
#if TRACER_FOLLOW_STACK
	if (stack && !tracer_read(stack->count)) {
		stack->levels[0].frame = TRACER_BASE;
		stack->levels[0].loose = 1;
		tracer_read(stack->count) = 1;
	}
#endif
	return stack;
}

static __always_inline void tracer_hand_over(struct tracer_level *from, struct tracer_level *to)
{
	to->head = from->head;
	to->packet = from->packet;
	to->met = from->met;
}

/*
 * Leave calls behind that have returned: their frames are below. What was met in one was met in that which called it, too. Frames
 * further away are on another stack of this CPU, which this one interrupts (NMI).
 */
static __always_inline void tracer_unwind(struct tracer_stack *stack, u64 position)
{
	u32 i;

#pragma unroll
	for (i = 0; i < TRACER_UNWINDS; i++) {
		/* volatile: whichever way it got here, the verifier goes on from one state */
		u64 count = tracer_read(stack->count);
		struct tracer_level *level, *outer;

		if (!count)
			break;
		level = tracer_level(stack, count - 1);
		if (position - level->frame - 1 >= TRACER_THREAD_SIZE)
			break;
		if (count > 1) {
			outer = tracer_level(stack, count - 2);
			if (outer->loose)
				tracer_hand_over(level, outer);
		}
		tracer_read(stack->count) = count - 1;
	}
	if (position > tracer_read(stack->full))
		tracer_read(stack->full) = 0;
}

/* The innermost call that is running; NULL if none is known to. */
static __always_inline struct tracer_level *tracer_running(struct tracer_stack *stack, u64 position)
{
	struct tracer_level *level;
	u64 count;

	tracer_unwind(stack, position);
	count = tracer_read(stack->count);
	if (!count || tracer_read(stack->full))
		return NULL;
	level = tracer_level(stack, count - 1);
	if (level->frame != TRACER_BASE && level->frame - position >= TRACER_THREAD_SIZE)
		return NULL;
	return level;
}

/* The packet that a call runs for. A mark is good for as long as the packet's data is that of this very packet. */
static __always_inline bool tracer_runs_for(struct tracer_level *level, u64 now, struct tracer_tracked *tracked)
{
	if (!level->head || (s32)(tracer_ticks(now) - level->met) > TRACER_MET_AGE)
		return false;
#if TRACER_FOLLOW_STACK
	if (level->frame == TRACER_BASE) {
		struct tracer_tracked known;

		if (!tracer_find(level->head, now, &known) || known.timestamp != level->packet.timestamp ||
		    known.orig_head != level->packet.orig_head)
			return false;
	}
#endif
	*tracked = level->packet;
	return true;
}

/* What a place without a packet is about; false if that is not known. */
static __always_inline bool tracer_inherit(u64 now, u64 position, struct tracer_tracked *tracked)
{
	struct tracer_stack *stack = tracer_known_stack(position);
	struct tracer_level *level = stack ? tracer_running(stack, position) : NULL;

	return level && tracer_runs_for(level, now, tracked);
}

static __always_inline void tracer_fill(struct tracer_level *level, u64 head, struct tracer_tracked *tracked, u64 now)
{
	level->packet = *tracked;
	level->met = tracer_ticks(now);
	level->head = head;
}

/*
 * A call is entered. With a packet it runs for that: for none, until tracer_met() says otherwise. Without one, for what called it, and
 * then for what is met in it.
 */
static __always_inline struct tracer_level *tracer_open(struct tracer_ctx *ctx, u64 now, u64 position)
{
	struct tracer_stack *stack = tracer_any_stack(position);
	struct tracer_level *level, *outer;
	struct tracer_tracked tracked;
	u64 count;

	if (!stack)
		return NULL;
	outer = tracer_running(stack, position);
	count = tracer_read(stack->count);
	if (tracer_read(stack->full))
		return NULL;
	if (count >= TRACER_LEVELS) {
		TRACER_LOG(ctx, debug, "more than %d calls within one another: what the innermost call is not shown", TRACER_LEVELS);
		tracer_read(stack->full) = position;
		return NULL;
	}
	level = tracer_level(stack, count);
	level->frame = position;
	level->head = 0;
	level->loose = !ctx->sk_buff;
	if (!ctx->sk_buff && outer && tracer_runs_for(outer, now, &tracked))
		tracer_hand_over(outer, level);
	tracer_order();
	tracer_read(stack->count) = count + 1;
	return level;
}

/* A packet is met: whoever was before is not what the stack runs for any more. Gives what tracer_met() is to tell. */
static __always_inline struct tracer_level *tracer_meet(struct tracer_ctx *ctx, u64 position)
{
	struct tracer_stack *stack;
	struct tracer_level *level;

	if (!ctx->sk_buff)
		return NULL;
	stack = TRACER_FOLLOW_STACK ? tracer_any_stack(position) : tracer_known_stack(position);
	level = stack ? tracer_running(stack, position) : NULL;
	if (!level || !level->loose)
		return NULL;
	level->head = 0;
	return level;
}

/* The packet was judged, and is followed. */
static __always_inline void tracer_met(struct tracer_ctx *ctx, u64 now, struct tracer_level *level)
{
	if (level && ctx->tracer_tracked)
		tracer_fill(level, (u64)TRACER_GET(ctx, ctx->sk_buff, head), ctx->tracer_tracked, now);
}

/* The same at the entry of a function for whose return the packet is judged here. */
static __always_inline void tracer_met_at_entry(struct tracer_ctx *ctx, u64 now, struct tracer_level *level)
{
	struct tracer_tracked tracked;
	u64 head;

	if (!level || !ctx->sk_buff)
		return;
	head = (u64)TRACER_GET(ctx, ctx->sk_buff, head);
	if (!tracer_find(head, now, &tracked)) {
		tracked.timestamp = now;
		tracked.orig_head = head;
		if (!tracer_know(head, now, &tracked, false))
			return;
	}
	tracer_fill(level, head, &tracked, now);
}

/* A call returns. */
static __always_inline void tracer_close(u64 position)
{
	struct tracer_stack *stack = tracer_known_stack(position);

	if (stack)
		tracer_unwind(stack, position + 1);
}
