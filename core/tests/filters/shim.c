/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Filters as native code, and what they are compared with, each over all packets in one call. */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long long u64;

#undef __always_inline
#define __always_inline /* compiles in a tenth of the time */
#define bpf_ntohs __builtin_bswap16
#define bpf_ntohl __builtin_bswap32
#define bpf_htonl __builtin_bswap32
#define tracer_mask(value, mask) ((value) &= (mask))

static const u8 *arena;
static u64 arena_size;
u32 strays; /* reads of what is neither a packet, nor right behind one, nor on the stack */

static long bpf_probe_read_kernel(void *to, u32 size, const void *from)
{
	const u8 *at = from, *stack = to;

	if ((at < arena || at + size > arena + arena_size) && (at < stack - 4096 || at > stack + 4096)) {
		strays++;
		memset(to, 0, size);
		return -14;
	}
	memcpy(to, from, size);
	return 0;
}

struct entry {
	u32 at, len, linear, tag;
};

typedef bool filter(const unsigned char *start, u32 len, u32 linear, u32 tag);

static void run_filter(filter *function, const u8 *packets, u64 size, const struct entry *entries, u32 count, u8 *verdicts)
{
	arena = packets;
	arena_size = size;
	for (u32 n = 0; n < count; n++)
		verdicts[n] = function(packets + entries[n].at, entries[n].len, entries[n].linear, entries[n].tag);
}

#define RUN(name)                                                                                                      \
	void run_##name(const u8 *packets, u64 size, const struct entry *entries, u32 count, u8 *verdicts)             \
	{                                                                                                              \
		run_filter(name, packets, size, entries, count, verdicts);                                             \
	}

/* bpf_filter() of libpcap */
typedef u32 interpreter(const void *program, const u8 *packet, u32 len, u32 linear);

void run_interpreter(interpreter *interpret, const void *program, const u8 *packets, const struct entry *entries, u32 count,
		     u8 *verdicts)
{
	for (u32 n = 0; n < count; n++)
		verdicts[n] = interpret(program, packets + entries[n].at, entries[n].len, entries[n].linear) != 0;
}

/* A pair of datagram sockets, with the filter on the second. 2: the packet was not sent. */
void run_sockets(int from, int to, const u8 *packets, const struct entry *entries, u32 count, u8 *verdicts)
{
	u8 buffer[1 << 16];

	for (u32 n = 0; n < count; n++) {
		if (send(from, packets + entries[n].at, entries[n].len, 0) != entries[n].len)
			verdicts[n] = 2;
		else
			verdicts[n] = recv(to, buffer, sizeof(buffer), MSG_DONTWAIT) >= 0;
	}
}
