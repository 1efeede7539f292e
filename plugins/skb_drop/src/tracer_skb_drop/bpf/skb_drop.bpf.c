/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The reason that a function or tracepoint is given for dropping a packet. The defines say which enums this kernel has. */
static __always_inline int skb_drop_report(struct tracer_event *event, u32 reason)
{
	struct section_skb_drop *section = tracer_add(event, skb_drop);

	if (!section)
		return TRACER_NOTHING;
	section->subsys = reason >> 16; /* SKB_DROP_REASON_SUBSYS_SHIFT, include/net/dropreason.h (6.3) */
	section->drop_reason = reason;
	return TRACER_OK;
}

#define SKB_DROP_COLLECT(reasons)                                                                                      \
	static __always_inline int skb_drop_collect_##reasons(struct tracer_ctx *ctx, struct tracer_event *event)      \
	{                                                                                                              \
		return skb_drop_report(event, ctx->reasons);                                                           \
	}

#if SKB_DROP_SKB_DROP_REASON
SKB_DROP_COLLECT(skb_drop_reason)
#endif
#if SKB_DROP_MAC80211_DROP_REASON
SKB_DROP_COLLECT(mac80211_drop_reason)
#endif
#if SKB_DROP_OVS_DROP_REASON
SKB_DROP_COLLECT(ovs_drop_reason)
#endif
#if SKB_DROP_QDISC_DROP_REASON
SKB_DROP_COLLECT(qdisc_drop_reason)
#endif

/* Kernels without reasons (before 5.17) say only that a packet is dropped. */
static __always_inline int skb_drop_unspecified(struct tracer_ctx *ctx, struct tracer_event *event)
{
	return skb_drop_report(event, 0);
}
