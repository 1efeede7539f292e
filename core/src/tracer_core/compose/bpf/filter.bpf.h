/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Whether a packet is wanted: the filter of the command line, asked where its bytes begin (ADR 0021). Before this text stand the
 * functions that libpcap's programs became, and:
 *
 *   TRACER_FILTER_TAGS	 the filter is about VLANs, and tags beside the bytes count
 *   TRACER_VLAN_PRESENT	 struct sk_buff has a bit vlan_present (5.0 to 6.1)
 *   TRACER_VLAN_ALL	 it has vlan_all instead (6.2)
 */
static __always_inline u32 tracer_filter_tag(struct tracer_ctx *ctx, struct sk_buff *skb)
{
#if TRACER_FILTER_TAGS
	u32 tci = TRACER_GET(ctx, skb, vlan_tci);

#if TRACER_VLAN_PRESENT
	if (!TRACER_GET_BITS(ctx, skb, sk_buff, vlan_present))
		return 0;
#elif TRACER_VLAN_ALL
	if (!TRACER_GET(ctx, skb, vlan_all))
		return 0;
#else
	if (!(tci & 0x1000)) /* VLAN_TAG_PRESENT, before 5.0 */
		return 0;
	tci &= ~0x1000;
#endif
	return (u32)bpf_ntohs(TRACER_GET(ctx, skb, vlan_proto)) << 16 | tci;
#else
	return 0;
#endif
}

static __always_inline bool tracer_filter(struct tracer_ctx *ctx, const struct tracer_offsets *o)
{
	int before;

	if (tracer_mac_is_valid(o)) {
		before = (int)o->mac - (int)o->headroom;
		return tracer_filter_frame(o->head + o->mac, o->len - before, o->linear - before,
					   tracer_filter_tag(ctx, ctx->sk_buff));
	}
	if (tracer_network_is_valid(o)) {
		before = (int)o->network - (int)o->headroom;
		return tracer_filter_datagram(o->head + o->network, o->len - before, o->linear - before, 0);
	}
	return false;
}
