/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The bytes of a packet, from its link layer on, where tracer_offsets() can be believed (tracer.bpf.h). */
#define SKB_CAPTURE_MAX 255
#define SKB_ETH_HLEN 14

/* Ethertype in network order, 0 if unknown. An skb that is being sent may not have one yet: then the headers tell. */
static __always_inline u16 skb_protocol(struct tracer_ctx *ctx, const struct tracer_offsets *o, unsigned char *network)
{
	u16 protocol = TRACER_GET(ctx, ctx->sk_buff, protocol);
	u16 header = o->transport - o->network;
	u8 version = 0;

	if (protocol || !tracer_transport_is_valid(o))
		return protocol;
	if (bpf_probe_read_kernel(&version, sizeof(version), network))
		return 0;
	if (version >> 4 == 4 && header == 20)
		return bpf_htons(0x0800);
	if (version >> 4 == 6 && header == 40)
		return bpf_htons(0x86dd);
	return 0;
}

/* From the link layer on, which is in the linear data. */
static __always_inline int skb_collect_frame(struct tracer_ctx *ctx, struct tracer_event *event, const struct tracer_offsets *o,
					     unsigned char *head)
{
	int before = (int)o->mac - (int)o->headroom; /* negative where the link layer was pulled */
	int capture = (int)o->linear - before;
	struct section_packet *packet;

	if (capture <= 0)
		return TRACER_NOTHING;
	if (capture > SKB_CAPTURE_MAX)
		capture = SKB_CAPTURE_MAX;
	packet = tracer_add_blob(event, packet, head + o->mac, capture, 0);
	if (!packet) {
		TRACER_LOG(ctx, debug, "%d bytes at %p, of the packet at %p, cannot be read", capture, head + o->mac, ctx->sk_buff);
		return TRACER_NOTHING;
	}
	packet->len = o->len - before;
	packet->capture_len = capture;
	return TRACER_OK;
}

/* From the network layer on, after a link layer of our own: addresses of zeros and the ethertype. */
static __always_inline int skb_collect_datagram(struct tracer_ctx *ctx, struct tracer_event *event,
						const struct tracer_offsets *o, unsigned char *head)
{
	int before = (int)o->network - (int)o->headroom;
	int capture = (int)o->linear - before;
	u16 protocol = skb_protocol(ctx, o, head + o->network);
	struct section_packet *packet;
	u8 *frame;

	if (!protocol || capture <= 0)
		return TRACER_NOTHING;
	if (capture > SKB_CAPTURE_MAX - SKB_ETH_HLEN)
		capture = SKB_CAPTURE_MAX - SKB_ETH_HLEN;
	packet = tracer_add_blob(event, packet, head + o->network, capture, SKB_ETH_HLEN);
	if (!packet) {
		TRACER_LOG(ctx, debug, "%d bytes at %p, of the packet at %p, cannot be read", capture, head + o->network,
			   ctx->sk_buff);
		return TRACER_NOTHING;
	}
	packet->len = o->len - before + SKB_ETH_HLEN;
	packet->capture_len = capture + SKB_ETH_HLEN;
	frame = tracer_blob(packet, packet);
	__builtin_memset(frame, 0, SKB_ETH_HLEN);
	*(u16 *)(frame + SKB_ETH_HLEN - sizeof(u16)) = protocol;
	return TRACER_OK;
}

static __always_inline int skb_collect(struct tracer_ctx *ctx, struct tracer_event *event)
{
	struct sk_buff *skb = ctx->sk_buff;
	unsigned char *head = TRACER_GET(ctx, skb, head);
	struct tracer_offsets o;

	tracer_offsets(ctx, skb, &o);
	if (!o.linear)
		return TRACER_NOTHING;
	if (tracer_mac_is_valid(&o))
		return skb_collect_frame(ctx, event, &o, head);
	if (tracer_network_is_valid(&o))
		return skb_collect_datagram(ctx, event, &o, head);
	return TRACER_NOTHING;
}
