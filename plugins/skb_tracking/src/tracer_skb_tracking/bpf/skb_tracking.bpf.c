/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
static __always_inline int skb_tracking_collect(struct tracer_ctx *ctx, struct tracer_event *event)
{
	struct section_skb_tracking *section = tracer_add(event, skb_tracking);

	if (!section)
		return TRACER_NOTHING;
	section->orig_head = ctx->tracer_tracked->orig_head;
	section->timestamp = ctx->tracer_tracked->timestamp;
	section->skb = (u64)ctx->sk_buff;
	return TRACER_OK;
}
