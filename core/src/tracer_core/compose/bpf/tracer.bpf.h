/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What fragments may use. Before this text, the composer emits the kernel's types, the section structs and:
 *
 *   struct tracer_ctx	 the probe's arguments by type, for example ctx->sk_buff; NULL where the probe has none
 *   TRACER_DATA_MAX	 bytes of the largest record of this run
 *   TRACER_DATA_MASK	 one less than a power of two, at least that
 *   TRACER_DATA_ROOM	 bytes that hold any section at any masked place
 *   TRACER_CPUS	 possible CPUs
 *
 * A fragment is a function
 *
 *   static __always_inline int <collector>_<verb>(struct tracer_ctx *ctx, struct tracer_event *event)
 *
 * that returns one of these. If no fragment returns TRACER_OK, there is no event.
 */
#define TRACER_OK 0	 /* the event is worth reporting */
#define TRACER_NOTHING 1 /* nothing to say about this one */
#define TRACER_VETO 2	 /* there must be no event, whatever others say */

#define TRACER_BLOB_STEP 64
#define TRACER_BLOB_ROOM(bytes) (((bytes) + TRACER_BLOB_STEP - 1) / TRACER_BLOB_STEP * TRACER_BLOB_STEP)

/*
 * Read a member of a kernel structure. Never write p->member yourself: LLVM would compute its address with a layout that can
 * differ from the kernel's (ADR 0003). Whether a plain load is allowed is a property of the pointer:
 *
 * TRACER_GET: p came from ctx through TRACER_GETs only. A plain load in typed programs, a probe read in all others.
 * TRACER_PROBE_GET: p was computed, for example by masking bits off it. Always a probe read, 0 if it fails.
 *
 * Both give 0 for memory that cannot be read. Neither reads bit-fields (TRACER_GET_BITS) nor arrays (TRACER_COPY).
 */
#define TRACER_ADDRESS(p, f) ((char *)(p) + __builtin_offsetof(typeof(*(p)), f))

#define TRACER_PROBE_GET(p, f)                                                                                         \
	({                                                                                                             \
		typeof((p)->f) tracer_value;                                                                           \
		__builtin_memset(&tracer_value, 0, sizeof(tracer_value));                                              \
		bpf_probe_read_kernel(&tracer_value, sizeof(tracer_value), TRACER_ADDRESS(p, f));                      \
		tracer_value;                                                                                          \
	})

#define TRACER_GET(ctx, p, f)                                                                                          \
	((ctx)->typed ? *(typeof((p)->f) *)TRACER_ADDRESS(TRACER_WALKED(p, f), f) : TRACER_PROBE_GET(p, f))

/*
 * Where a plain load of p->f loads from. Before a verifier vouches for a pointer that is loaded from an skb it has vouched for, it
 * looks through the names of all types for rules that say so (btf_nested_type_is_trusted(), kernel/bpf/btf.c, 6.4): about a
 * millisecond for each such load, again on each path that leads there. We need no vouching. bpf_rdonly_cast() (6.2) takes it away,
 * and is but a move in the code that runs.
 */
#ifdef TRACER_CAST
#define TRACER_WALKED(p, f)                                                                                            \
	__builtin_choose_expr(__builtin_types_compatible_p(typeof(p), struct sk_buff *) && TRACER_IS_POINTER((p)->f),  \
			      ((typeof(p)(*)(const void *, u64))TRACER_CAST)(p, TRACER_SK_BUFF), p)
#define TRACER_IS_POINTER(m)                                                                                           \
	(__builtin_classify_type(m) == TRACER_POINTER_CLASS && !__builtin_types_compatible_p(typeof(m), u8 *))
#define TRACER_POINTER_CLASS 5 /* enum type_class of GCC */
#else
#define TRACER_WALKED(p, f) (p)
#endif

/*
 * A bit-field: TRACER_GET_BITS(ctx, skb, sk_buff, ip_summed), as u64. TRACER_COPIED_BITS reads one of a structure that was copied
 * to the stack, TRACER_PROBE_BITS one behind a pointer that was computed. The composer emits a TRACER_BIT_FIELD for each in use.
 */
#define TRACER_GET_BITS(ctx, p, type, f) tracer_bits_##type##__##f((ctx)->typed, p)
#define TRACER_COPIED_BITS(p, type, f) tracer_bits_##type##__##f(true, p)
#define TRACER_PROBE_BITS(p, type, f) tracer_bits_##type##__##f(false, p)

#define TRACER_BIT_FIELD(type, f, unit, offset, shift, mask)                                                           \
	static __always_inline u64 tracer_bits_##type##__##f(bool loads, const void *p)                                \
	{                                                                                                              \
		const char *at = (const char *)p + (offset);                                                           \
		unit value = 0;                                                                                        \
                                                                                                                       \
		if (loads)                                                                                             \
			value = *(const unit *)at;                                                                     \
		else                                                                                                   \
			bpf_probe_read_kernel(&value, sizeof(value), at);                                              \
		return (value >> (shift)) & (mask);                                                                    \
	}

/* Copy an array or struct member to dst, whose size counts; 0 or a negative error, dst then zeroed. */
#define TRACER_COPY(dst, p, f) bpf_probe_read_kernel(&(dst), sizeof(dst), TRACER_ADDRESS(p, f))

/*
 * The same of an array whose size is a multiple of 8, where TRACER_GET would do for a member that is a number: plain loads, a
 * word at a time, in typed programs.
 */
#define TRACER_COPY_WORDS(ctx, dst, p, f)                                                                              \
	do {                                                                                                           \
		if ((ctx)->typed) {                                                                                    \
			const u64 *tracer_words = (const u64 *)TRACER_ADDRESS(p, f);                                   \
			u32 tracer_word;                                                                               \
			_Pragma("unroll") for (tracer_word = 0; tracer_word < sizeof(dst) / 8; tracer_word++)          \
				((u64 *)&(dst))[tracer_word] = tracer_words[tracer_word];                              \
		} else {                                                                                               \
			TRACER_COPY(dst, p, f);                                                                        \
		}                                                                                                      \
	} while (0)

/*
 * Copy from memory of the process that runs into a probe in it: what arguments there point at. To dst, whose size counts; 0 or a
 * negative error, dst then zeroed. Memory that is paged out cannot be read.
 */
#define TRACER_USER_COPY(dst, address) bpf_probe_read_user(&(dst), sizeof(dst), (const void *)(address))

/* Argument n of the probed function, tracepoint or USDT probe, from 0, as u64. n is a constant. What a USDT probe lacks is 0. */
#define TRACER_ARG(ctx, n)                                                                                             \
	((ctx)->usdt ? tracer_usdt((ctx)->args, (ctx)->usdt, n) :                                                      \
		       (ctx)->args[(ctx)->registers ? TRACER_REGISTER(n) : (n)])

/*
 * At the return of a function: ctx->result is what it returned, as s64, extended as its type demands, and ctx->entered when it was
 * entered, in ns of CLOCK_MONOTONIC. TRACER_ARG gives the arguments that it was entered with.
 */

/*
 * Which packet it is: with needs "struct tracer_tracked *" the core follows packets, and ctx->tracer_tracked says which one the
 * probe's is, whatever became of its headers. Clones are the same packet. Together the numbers are unlike any other packet's.
 * A place without a packet can have that of its stack (ADR 0024): then ctx->sk_buff is NULL.
 */
struct tracer_tracked {
	u64 timestamp; /* ns of CLOCK_MONOTONIC when it was first seen */
	u64 orig_head; /* where its data was then */
};

/*
 * Where the headers of a packet are, as far as its skb says. An skb is met in any state: before its headers are known, after they
 * were pulled, half built. These rules tell which of its offsets can be believed (Retis behaves the same).
 *
 * Kernel: struct sk_buff, include/linux/skbuff.h. Unset mac_header is (u16)~0; network_header and transport_header start as
 * 0 and are (u16)~0 where skb_transport_header_was_set() says no.
 */
struct tracer_offsets {
	u16 mac, network, transport, mac_len; /* from skb->head */
	u32 headroom, linear, len; /* bytes before the data, of it in the linear part, and in all */
	unsigned char *head;
};

#define TRACER_UNSET ((u16)~0)

#define tracer_fill_offsets(o, get)                                                                                    \
	do {                                                                                                           \
		(o)->head = get(head);                                                                                 \
		(o)->mac = get(mac_header);                                                                            \
		(o)->network = get(network_header);                                                                    \
		(o)->transport = get(transport_header);                                                                \
		(o)->mac_len = get(mac_len);                                                                           \
		(o)->headroom = get(data) - (o)->head;                                                                 \
		(o)->len = get(len);                                                                                   \
		(o)->linear = (o)->len - get(data_len);                                                                \
	} while (0)

/* A probe read costs as much as ten loads, and these members stand between len and data: one read takes them all. */
#define TRACER_SPAN_FIRST (__builtin_offsetof(struct sk_buff, len) / 8 * 8)
#define TRACER_SPAN_SIZE (__builtin_offsetof(struct sk_buff, data) + 8 - TRACER_SPAN_FIRST)

static __always_inline void tracer_offsets(struct tracer_ctx *ctx, struct sk_buff *skb, struct tracer_offsets *o)
{
#define tracer_get(f) TRACER_GET(ctx, skb, f)
#define tracer_spanned(f) (*(typeof(skb->f) *)((char *)span + __builtin_offsetof(struct sk_buff, f) - TRACER_SPAN_FIRST))
	if (ctx->typed) {
		tracer_fill_offsets(o, tracer_get);
	} else {
		u64 span[TRACER_SPAN_SIZE / 8];

		bpf_probe_read_kernel(span, sizeof(span), (char *)skb + TRACER_SPAN_FIRST);
		tracer_fill_offsets(o, tracer_spanned);
	}
#undef tracer_spanned
#undef tracer_get
}

static __always_inline bool tracer_is_set(u16 offset)
{
	return offset && offset != TRACER_UNSET;
}

static __always_inline bool tracer_mac_is_valid(const struct tracer_offsets *o)
{
	return o->mac != TRACER_UNSET && !(tracer_is_set(o->network) && o->network == o->mac && !o->mac_len);
}

static __always_inline bool tracer_network_is_valid(const struct tracer_offsets *o)
{
	return tracer_is_set(o->network) && !(o->mac != TRACER_UNSET && o->mac == o->network && o->mac_len);
}

static __always_inline bool tracer_transport_is_valid(const struct tracer_offsets *o)
{
	return tracer_is_set(o->transport) && !(tracer_is_set(o->network) && o->network == o->transport);
}

struct tracer_event {
	u64 users;
	u64 size;
	u8 data[TRACER_DATA_ROOM];
};

/*
 * Say something to whoever runs: TRACER_LOG(ctx, debug, "%d bytes at %p", len, skb). The level is error, warn, info, debug or trace; the
 * format a string, with %d, %u, %x, %p, %c and %% for up to 4 values. If --log-level asks for more important messages only, neither the
 * message nor what computes its values is in the program: values must be without effects. Since 1.1.
 */
#define TRACER_LOG(ctx, level, format, ...) /* the composer has put a call in its place */

/*
 * Add a section: the address of its fixed fields, not initialised, or NULL if the record cannot take it (a section can be
 * added once, and only in the order the fragment declares).
 */
#define tracer_add(event, name) ((struct section_##name *)tracer_reserve(event, TRACER_SHIFT_##name, TRACER_SIZE_##name))

/*
 * Add a section that ends with a variable part: leave gap bytes there for the caller to fill (tracer_blob), then copy len bytes
 * of kernel memory. NULL, and nothing added, if they cannot be read, or len is 0 or too large. gap is a constant.
 */
#define tracer_add_blob(event, name, from, len, gap)                                                                   \
	((struct section_##name *)tracer_reserve_blob(event, TRACER_SHIFT_##name, TRACER_SIZE_##name,                  \
						      TRACER_BLOB_MAX_##name, TRACER_BLOB_MASK_##name, from, len, gap))

/* The variable part of a section that tracer_add_blob returned. */
#define tracer_blob(section, name) ((u8 *)(section) + TRACER_SIZE_##name)

/*
 * What a record begins with, to read: timestamp, in ns of CLOCK_MONOTONIC, and cpu say when and where the probe was entered. Its other
 * fields are the core's.
 */
static __always_inline struct section_header *tracer_header(struct tracer_event *event)
{
	return (struct section_header *)event->data;
}

/*
 * Bound a value for the verifier, right where it comes into being: bounds then survive spilling. Of a value that is only compared,
 * verifiers before 6.2 forget the bounds when the compiler has spilled it before. In assembly, since the compiler knows better.
 */
#define tracer_mask(value, mask) asm volatile("%0 &= %1" : "+r"(value) : "i"(mask))

/* Volatile: a value the verifier does not know keeps its states few, whichever sections came before. */
static __always_inline u64 tracer_end(struct tracer_event *event)
{
	u64 size = *(volatile u64 *)&event->size;

	tracer_mask(size, TRACER_DATA_MASK);
	return size;
}

static __always_inline void *tracer_reserve(struct tracer_event *event, u32 shift, u32 size)
{
	struct section_header *header = tracer_header(event);
	u64 at = tracer_end(event);

	if (header->present >> shift || at > TRACER_DATA_MAX - size)
		return NULL;
	header->present |= 1ULL << shift;
	event->size = at + size;
	return event->data + at;
}

static __always_inline void *tracer_reserve_blob(struct tracer_event *event, u32 shift, u32 size, u32 max,
						 u64 mask, const void *from, u32 len, u32 gap)
{
	u32 room = TRACER_BLOB_ROOM(max);
	struct section_header *header = tracer_header(event);
	u64 at = tracer_end(event);
	u64 bytes = len;
	u64 steps;

	if (header->present >> shift || at > TRACER_DATA_MAX - size - room || !len || len > max - gap)
		return NULL;
	tracer_mask(bytes, mask);
	if (bpf_probe_read_kernel(event->data + at + size + gap, bytes, from))
		return NULL;
	steps = TRACER_BLOB_ROOM(bytes + gap) / TRACER_BLOB_STEP;
	header->present |= (1ULL | steps << 1) << shift;
	event->size = at + size + steps * TRACER_BLOB_STEP;
	return event->data + at;
}
