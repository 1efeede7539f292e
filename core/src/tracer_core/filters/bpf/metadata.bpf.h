/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What metadata filters are made of (filters/metadata/translate.py, ADR 0023). A comparison is a function
 *
 *   static __always_inline bool name(struct tracer_ctx *ctx, u64 result)
 *
 * result is what the probed function returned, where that is asked. What cannot be read compares with nothing: the function is
 * then left with false.
 */

/* A number in memory. Volatile, so that verifiers forget what they learned of it in one comparison before the next (ADR 0021). */
#define tracer_metadata_load(plain, type, at, offset)                                                                  \
	({                                                                                                             \
		type tracer_value = 0;                                                                                 \
		if (plain)                                                                                             \
			tracer_value = *(const volatile type *)((at) + (offset));                                      \
		else if (bpf_probe_read_kernel(&tracer_value, sizeof(tracer_value), (at) + (offset)))                  \
			return false;                                                                                  \
		tracer_value;                                                                                          \
	})

/* Go on where a pointer in memory points, some of its bits left out. */
#define tracer_metadata_follow(plain, at, offset, mask)                                                                \
	do {                                                                                                           \
		if (plain) {                                                                                           \
			(at) = *(const char *const *)((at) + (offset));                                                \
		} else {                                                                                               \
			u64 tracer_pointer = 0;                                                                        \
			if (bpf_probe_read_kernel(&tracer_pointer, sizeof(tracer_pointer), (at) + (offset)))           \
				return false;                                                                          \
			(at) = (const char *)(tracer_pointer & (mask));                                                \
		}                                                                                                      \
		if (!(at))                                                                                             \
			return false;                                                                                  \
	} while (0)

/* An argument as a number: verifiers want no arithmetic on what they know to be a pointer. */
#define tracer_metadata_number(argument)                                                                               \
	({                                                                                                             \
		u64 tracer_argument = (u64)(argument), tracer_copy = 0;                                                \
		bpf_probe_read_kernel(&tracer_copy, sizeof(tracer_copy), &tracer_argument);                            \
		tracer_copy;                                                                                           \
	})
