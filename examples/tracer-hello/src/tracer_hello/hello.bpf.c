/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Kernel: struct sk_buff, include/linux/skbuff.h. */
static __always_inline int hello_collect(struct tracer_ctx *ctx, struct tracer_event *event)
{
	struct sk_buff *skb = ctx->sk_buff; /* not NULL: the fragment says that it needs one */
	u32 length = TRACER_GET(ctx, skb, len);
	struct section_hello *hello;

	if (length < HELLO_MIN_LEN)
		return TRACER_NOTHING;
	hello = tracer_add(event, hello);
	if (!hello)
		return TRACER_NOTHING;
	hello->length = length;
	hello->mark = TRACER_GET(ctx, skb, mark);
	hello->packet_type = TRACER_GET_BITS(ctx, skb, sk_buff, pkt_type);
	return TRACER_OK;
}
