/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What an skb says beside its data.
 *
 * Kernel: struct sk_buff and struct skb_shared_info, include/linux/skbuff.h. The plugin defines, after asking the kernel's types:
 *
 *   SKB_VLAN_PRESENT	 there is a bit vlan_present (5.0 to 6.1)
 *   SKB_VLAN_ALL	 there is vlan_all instead: proto and tci as one word (6.2)
 *   SKB_SHARED_FLAGS	 there are flags in skb_shared_info (5.12, 5.13 for all)
 */
#define SKB_VLAN_TAG_PRESENT 0x1000 /* in vlan_tci, before 5.0: then it has no room for DEI */
#define SKB_VLAN_VID 0x0fff

/* A VLAN tag that is not in the data: the device has taken it out, or will put it in. */
static __always_inline int skb_vlan_accel(struct tracer_ctx *ctx, struct tracer_event *event)
{
	struct sk_buff *skb = ctx->sk_buff;
	u16 tci = TRACER_GET(ctx, skb, vlan_tci);
	struct section_skb_vlan_accel *vlan;

#if SKB_VLAN_PRESENT
	if (!TRACER_GET_BITS(ctx, skb, sk_buff, vlan_present))
		return TRACER_NOTHING;
#elif SKB_VLAN_ALL
	if (!TRACER_GET(ctx, skb, vlan_all))
		return TRACER_NOTHING;
#else
	if (!(tci & SKB_VLAN_TAG_PRESENT))
		return TRACER_NOTHING;
	tci &= ~SKB_VLAN_TAG_PRESENT;
#endif
	vlan = tracer_add(event, skb_vlan_accel);
	if (!vlan)
		return TRACER_NOTHING;
	vlan->proto = bpf_ntohs(TRACER_GET(ctx, skb, vlan_proto));
	vlan->vid = tci & SKB_VLAN_VID;
	vlan->pcp = tci >> 13;
	vlan->dei = tci >> 12 & 1;
	return TRACER_OK;
}

static __always_inline int skb_meta(struct tracer_ctx *ctx, struct tracer_event *event)
{
	struct sk_buff *skb = ctx->sk_buff;
	struct section_skb_meta *meta = tracer_add(event, skb_meta);

	if (!meta)
		return TRACER_NOTHING;
	meta->len = TRACER_GET(ctx, skb, len);
	meta->data_len = TRACER_GET(ctx, skb, data_len);
	meta->hash = TRACER_GET(ctx, skb, hash);
	meta->csum = TRACER_GET(ctx, skb, csum);
	meta->priority = TRACER_GET(ctx, skb, priority);
	meta->ip_summed = TRACER_GET_BITS(ctx, skb, sk_buff, ip_summed);
	meta->csum_level = TRACER_GET_BITS(ctx, skb, sk_buff, csum_level);
	return TRACER_OK;
}

/* It lies behind the data, at an address that is computed. */
static __always_inline struct skb_shared_info *skb_shared(struct tracer_ctx *ctx)
{
	return (struct skb_shared_info *)(TRACER_GET(ctx, ctx->sk_buff, head) + TRACER_GET(ctx, ctx->sk_buff, end));
}

static __always_inline int skb_data_ref(struct tracer_ctx *ctx, struct tracer_event *event)
{
	struct sk_buff *skb = ctx->sk_buff;
	struct section_skb_data_ref *ref = tracer_add(event, skb_data_ref);

	if (!ref)
		return TRACER_NOTHING;
	ref->nohdr = TRACER_GET_BITS(ctx, skb, sk_buff, nohdr);
	ref->cloned = TRACER_GET_BITS(ctx, skb, sk_buff, cloned);
	ref->fclone = TRACER_GET_BITS(ctx, skb, sk_buff, fclone);
	ref->users = TRACER_GET(ctx, skb, users.refs.counter);
	/* its upper half counts those who are done with the headers */
	ref->dataref = TRACER_PROBE_GET(skb_shared(ctx), dataref.counter);
	return TRACER_OK;
}

static __always_inline int skb_gso(struct tracer_ctx *ctx, struct tracer_event *event)
{
	struct skb_shared_info *shared = skb_shared(ctx);
	u16 size = TRACER_PROBE_GET(shared, gso_size);
	struct section_skb_gso *gso;

	if (!size)
		return TRACER_NOTHING;
	gso = tracer_add(event, skb_gso);
	if (!gso)
		return TRACER_NOTHING;
	gso->size = size;
	gso->segs = TRACER_PROBE_GET(shared, gso_segs);
	gso->type = TRACER_PROBE_GET(shared, gso_type);
#if SKB_SHARED_FLAGS
	gso->flags = TRACER_PROBE_GET(shared, flags);
#else
	gso->flags = 0;
#endif
	gso->frags = TRACER_PROBE_GET(shared, nr_frags);
	return TRACER_OK;
}
