/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What packet filters are made of (filters/translate.py, ADR 0021). A filter is a function
 *
 *   static __always_inline bool name(const unsigned char *start, u32 len, u32 linear, u32 tag)
 *
 * start:  address of the first byte of the packet
 * len:    bytes of the packet from there, those in page fragments included
 * linear: how many of them are at start; what lies behind cannot be read, and does not match
 * tag:    of a VLAN, that is not in the bytes but beside them: TPID << 16 | TCI in host order, 0 if there is none
 *
 * The first bytes are copied, always as many as constant offsets of the filter reach, and whatever linear is: behind the data of a packet there
 * is at least its struct skb_shared_info in the same memory. Bytes behind linear are not looked at.
 */
#define TRACER_FILTER_ADDRESSES 12 /* bytes of Ethernet addresses, after which a tag stands */
#define TRACER_FILTER_TAG 4

/*
 * Loads from the copy, at a constant from an aligned address: the stack allows none that is not aligned. Volatile, so that each gives the
 * verifier a value that it knows nothing of: if LLVM kept one for several comparisons, every equality would begin a path of its own
 * through all that follow, and 200 alternatives would be millions of instructions to it.
 */
static __always_inline u32 tracer_filter_1(const void *copy, u32 at)
{
	return *((const volatile u8 *)copy + at);
}

static __always_inline u32 tracer_filter_2(const void *copy, u32 at)
{
	if (at % 2)
		return tracer_filter_1(copy, at) << 8 | tracer_filter_1(copy, at + 1);
	return bpf_ntohs(*(const volatile u16 *)((const u8 *)copy + at));
}

static __always_inline u32 tracer_filter_4(const void *copy, u32 at)
{
	if (at % 4)
		return tracer_filter_2(copy, at) << 16 | tracer_filter_2(copy, at + 2);
	return bpf_ntohl(*(const volatile u32 *)((const u8 *)copy + at));
}

/* The frame as it is on the wire, its first size bytes; false if they cannot be read. One read, for that is what a filter costs. */
static __always_inline bool tracer_filter_copy(u8 *head, u32 size, const unsigned char *start, u32 tag)
{
	u32 addresses[TRACER_FILTER_ADDRESSES / 4], written = bpf_htonl(tag);

	if (!tag)
		return !bpf_probe_read_kernel(head, size, start);
	if (bpf_probe_read_kernel(head + TRACER_FILTER_TAG, size - TRACER_FILTER_TAG, start))
		return false;
	__builtin_memcpy(addresses, head + TRACER_FILTER_TAG, sizeof(addresses));
	__builtin_memcpy(head, addresses, sizeof(addresses));
	__builtin_memcpy(head + TRACER_FILTER_ADDRESSES, &written, sizeof(written));
	return true;
}

/* Where a byte of the frame is; of one with a tag, the first are in the copy. */
static __always_inline const void *tracer_filter_at(const u8 *head, const unsigned char *start, u64 at, u32 tag)
{
	if (!tag)
		return start + at;
	if (at >= TRACER_FILTER_ADDRESSES + TRACER_FILTER_TAG)
		return start + at - TRACER_FILTER_TAG;
	tracer_mask(at, TRACER_FILTER_ADDRESSES + TRACER_FILTER_TAG - 1);
	return head + at;
}
