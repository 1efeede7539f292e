/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Metadata filters as native code: memory that can be read is what lies in the arena, and what is on the stack. */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long s64;

#undef __always_inline
#define __always_inline

static const char *arena;
static u64 arena_size;

static bool can_read(const void *to, u32 size, const void *from)
{
	const char *at = from, *stack = to;

	return (at >= arena && at + size <= arena + arena_size) || (at > stack - 4096 && at < stack + 4096);
}

static long bpf_probe_read_kernel(void *to, u32 size, const void *from)
{
	if (!can_read(to, size, from)) {
		memset(to, 0, size);
		return -14;
	}
	memcpy(to, from, size);
	return 0;
}

static long bpf_probe_read_kernel_str(void *to, u32 size, const void *from)
{
	char *out = to;
	u32 n;

	for (n = 0; n < size; n++) {
		if (bpf_probe_read_kernel(out + n, 1, (const char *)from + n))
			return -14;
		if (!out[n])
			return n + 1;
	}
	out[size - 1] = 0;
	return size;
}

struct tracer_ctx {
	u64 *args;
	u64 typed;
	void *sk_buff;
	void *sock;
	u32 skb_drop_reason;
};

#define TRACER_ARG(ctx, n) ((ctx)->args[n])
