/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The device of the packet, or where there is none, the one that the probe is given. skb->dev shares its place with other data
 * (struct sk_buff, include/linux/skbuff.h), so what has no number or no name is no device: names are shorter than IFNAMSIZ and not
 * empty (dev_valid_name(), net/core/dev.c).
 */
static __always_inline int dev_collect(struct tracer_ctx *ctx, struct tracer_event *event)
{
	struct net_device *dev = ctx->sk_buff ? TRACER_GET(ctx, ctx->sk_buff, dev) : ctx->net_device;
	struct section_dev *section;
	u64 name[2] = {};
	u32 ifindex;

	if (!dev)
		return TRACER_NOTHING;
	ifindex = TRACER_GET(ctx, dev, ifindex);
	TRACER_COPY_WORDS(ctx, name, dev, name);
	if (!ifindex || !(name[0] & 0xff) || name[1] >> 56)
		return TRACER_NOTHING;
	section = tracer_add(event, dev);
	if (!section)
		return TRACER_NOTHING;
	__builtin_memcpy(section->name, name, sizeof(name));
	section->ifindex = ifindex;
	section->rx_ifindex = ctx->sk_buff ? TRACER_GET(ctx, ctx->sk_buff, skb_iif) : 0;
	return TRACER_OK;
}
