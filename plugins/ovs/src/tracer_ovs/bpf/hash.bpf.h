/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Hashes by which a packet is known on both sides of the border: of Bob Jenkins' lookup3, as the kernel's jhash() with 0 as initial
 * value (include/linux/jhash.h). Of constant numbers of words, which are unrolled.
 */
#define OVS_HASH_START 0xdeadbeefU
#define OVS_PACKET_BYTES 64
#define OVS_KEY_BYTES 128

#define ovs_rotated(word, by) ((word) << (by) | (word) >> (32 - (by)))

static __always_inline u32 ovs_hash(const u32 *words, u32 count)
{
	u32 a = OVS_HASH_START + count * 4, b = a, c = a;
	u32 i;

#pragma unroll
	for (i = 0; i + 3 < count; i += 3) {
		a += words[i];
		b += words[i + 1];
		c += words[i + 2];
		a -= c, a ^= ovs_rotated(c, 4), c += b;
		b -= a, b ^= ovs_rotated(a, 6), a += c;
		c -= b, c ^= ovs_rotated(b, 8), b += a;
		a -= c, a ^= ovs_rotated(c, 16), c += b;
		b -= a, b ^= ovs_rotated(a, 19), a += c;
		c -= b, c ^= ovs_rotated(b, 4), b += a;
	}
	a += words[i];
	if (i + 1 < count)
		b += words[i + 1];
	if (i + 2 < count)
		c += words[i + 2];
	c ^= b, c -= ovs_rotated(b, 14);
	a ^= c, a -= ovs_rotated(c, 11);
	b ^= a, b -= ovs_rotated(a, 25);
	c ^= b, c -= ovs_rotated(b, 16);
	a ^= c, a -= ovs_rotated(c, 4);
	b ^= a, b -= ovs_rotated(a, 14);
	c ^= b, c -= ovs_rotated(b, 24);
	return c;
}

/* Up to that many bytes, the rest of the words zero. A macro: verifiers want constants, and know what a masked size can be. */
#define ovs_read(words, bytes, read, from, size)                                                                       \
	do {                                                                                                           \
		u64 ovs_size = (size);                                                                                 \
		__builtin_memset(words, 0, bytes);                                                                     \
		if (ovs_size >= (bytes)) {                                                                             \
			read(words, bytes, (const void *)(from));                                                      \
		} else {                                                                                               \
			tracer_mask(ovs_size, (bytes) - 1);                                                            \
			read(words, ovs_size, (const void *)(from));                                                   \
		}                                                                                                      \
	} while (0)

/* Of a packet in the process: it has it in one piece. */
static __always_inline u32 ovs_user_queue_id(u64 data, u64 size)
{
	u32 words[OVS_PACKET_BYTES / 4];

	ovs_read(words, OVS_PACKET_BYTES, bpf_probe_read_user, data, size);
	return ovs_hash(words, OVS_PACKET_BYTES / 4);
}

/* Of a flow key: attributes of netlink. */
static __always_inline u32 ovs_user_key_id(u64 key, u64 size)
{
	u32 words[OVS_KEY_BYTES / 4];

	ovs_read(words, OVS_KEY_BYTES, bpf_probe_read_user, key, size);
	return ovs_hash(words, OVS_KEY_BYTES / 4);
}

/* Of the first bytes of an skb, from its MAC header on, and of no more than size. What lies in fragments is left out. */
static __always_inline u32 ovs_skb_queue_id(struct sk_buff *skb, u32 size)
{
	u32 linear = TRACER_PROBE_GET(skb, len) - TRACER_PROBE_GET(skb, data_len);
	unsigned char *data = TRACER_PROBE_GET(skb, data);
	u32 words[OVS_PACKET_BYTES / 4];

	ovs_read(words, OVS_PACKET_BYTES, bpf_probe_read_kernel, data, size < linear ? size : linear);
	return ovs_hash(words, OVS_PACKET_BYTES / 4);
}
