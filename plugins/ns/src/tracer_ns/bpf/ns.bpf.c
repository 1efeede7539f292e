/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The network namespace of the packet: that of its device, else of its socket, else what the probe is given. By defines:
 *
 *   NS_COOKIE	      struct net has a net_cookie (5.7)
 *   NS_COOKIE_ATOMIC it is an atomic64_t, 0 until somebody asks for it (5.7 to 5.11)
 */
static __always_inline struct net *ns_of(struct tracer_ctx *ctx)
{
	struct net_device *dev = ctx->net_device;

	if (ctx->sk_buff) {
		struct sock *sk;

		dev = TRACER_GET(ctx, ctx->sk_buff, dev);
		if (dev)
			return TRACER_GET(ctx, dev, nd_net.net);
		sk = TRACER_GET(ctx, ctx->sk_buff, sk);
		if (sk)
			return TRACER_GET(ctx, sk, __sk_common.skc_net.net);
		dev = ctx->net_device;
	}
	if (ctx->net)
		return ctx->net;
	return dev ? TRACER_GET(ctx, dev, nd_net.net) : NULL;
}

static __always_inline int ns_collect(struct tracer_ctx *ctx, struct tracer_event *event)
{
	struct net *net = ns_of(ctx);
	struct section_netns *section;
	u32 inum;

	if (!net)
		return TRACER_NOTHING;
	inum = TRACER_GET(ctx, net, ns.inum);
	if (!inum)
		return TRACER_NOTHING;
	section = tracer_add(event, netns);
	if (!section)
		return TRACER_NOTHING;
	section->inum = inum;
	section->name = inum; /* by which it is found */
#if NS_COOKIE_ATOMIC
	section->cookie = TRACER_GET(ctx, net, net_cookie.counter);
#elif NS_COOKIE
	section->cookie = TRACER_GET(ctx, net, net_cookie);
#else
	section->cookie = 0;
#endif
	return TRACER_OK;
}
