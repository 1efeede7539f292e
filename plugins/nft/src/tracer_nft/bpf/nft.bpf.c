/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What nftables decides about a packet.
 *
 * Kernel: net/netfilter/nf_tables_core.c calls __nft_trace_packet() after each rule, at the end of each chain and for the policy, of
 * every packet, as soon as any rule of any namespace sets nftrace. Whether this packet is traced is asked inside, which is too late
 * for us: we see them all. Structures: include/net/netfilter/nf_tables.h. The plugin defines, after asking the kernel's types:
 *
 *   NFT_INFO_HAS_ALL	 packet, rule and verdict are in nft_traceinfo, the chain is an argument (before 6.3)
 *   NFT_RULE_HAS_END	 rules are struct nft_rule_dp, of which the last of a chain is none (5.17)
 *   NFT_VERDICTS	 which verdicts are wanted: bit number code + NFT_LOWEST
 *   NFT_RULES		 where the rule's text can be found is wanted, too
 */
#define NFT_LOWEST 5 /* NFT_RETURN is -5 */
#define NFT_HIGHEST 5 /* NF_STOP */
#define NFT_VERDICT_MASK 0xff /* NF_VERDICT_MASK: above are a queue's number or an error */
#define NFT_JUMP_CODE -3
#define NFT_GOTO_CODE -4
#define NFT_STOLEN_CODE 2
#define NFT_WALK_MAX 1024 /* rules up to the end of a chain */
#define NFT_NO_RULE -1

#if NFT_RULE_HAS_END
#define NFT_RULE_TYPE struct nft_rule_dp
#define nft_rule_bits(rule, f) TRACER_COPIED_BITS(rule, nft_rule_dp, f)
#else
#define NFT_RULE_TYPE struct nft_rule
#define nft_rule_bits(rule, f) TRACER_COPIED_BITS(rule, nft_rule, f)
#endif

/* Whoever took a packet may have freed it by now. */
static __always_inline bool nft_is_stolen(struct tracer_ctx *ctx, struct nft_verdict *verdict)
{
	return (TRACER_GET(ctx, verdict, code) & NFT_VERDICT_MASK) == NFT_STOLEN_CODE;
}

static __always_inline struct sk_buff *nft_packet_skb(struct tracer_ctx *ctx)
{
	return TRACER_GET(ctx, ctx->nft_pktinfo, skb);
}

#if NFT_INFO_HAS_ALL
static __always_inline struct sk_buff *nft_traced_skb(struct tracer_ctx *ctx)
{
	struct nft_pktinfo *packet = TRACER_GET(ctx, ctx->nft_traceinfo, pkt);

	if (nft_is_stolen(ctx, TRACER_GET(ctx, ctx->nft_traceinfo, verdict)))
		return NULL;
	return TRACER_GET(ctx, packet, skb);
}
#else
static __always_inline struct sk_buff *nft_traced_skb(struct tracer_ctx *ctx)
{
	return nft_is_stolen(ctx, ctx->nft_verdict) ? NULL : nft_packet_skb(ctx);
}
#endif

#if !NFT_INFO_HAS_ALL
/* Rules of a chain lie one after the other; what ends them, which is no rule, has the chain. */
static __always_inline struct nft_chain *nft_chain_of(struct nft_rule_dp *rule)
{
	u64 at = 0;
	u32 step;

	bpf_probe_read_kernel(&at, sizeof(at), &rule); /* a number: the verifier lets us add to it what it cannot know */
#pragma clang loop unroll(disable)
	for (step = 0; step < NFT_WALK_MAX; step++) {
		struct nft_rule_dp copy;

		if (bpf_probe_read_kernel(&copy, sizeof(copy), (void *)at))
			return NULL;
		if (nft_rule_bits(&copy, is_last))
			return TRACER_PROBE_GET((struct nft_rule_dp_last *)at, chain);
		at += sizeof(copy) + nft_rule_bits(&copy, dlen);
	}
	return NULL;
}
#endif

/* Below zero what only nftables has, from zero on what netfilter has. */
static __always_inline s32 nft_code(u32 code)
{
	return (s32)code < 0 && (s32)code >= -NFT_LOWEST ? (s32)code : (s32)(code & NFT_VERDICT_MASK);
}

static __always_inline bool nft_is_wanted(s32 code)
{
	return code <= NFT_HIGHEST && NFT_VERDICTS >> (code + NFT_LOWEST) & 1;
}

#define nft_copy_name(to, from)                                                                                        \
	do {                                                                                                           \
		__builtin_memset(to, 0, sizeof(to));                                                                   \
		bpf_probe_read_kernel_str(to, sizeof(to), from);                                                       \
	} while (0)

/* None where a chain ends without a verdict, or a policy is applied. */
static __always_inline s64 nft_rule_handle(NFT_RULE_TYPE *rule, bool ended)
{
	NFT_RULE_TYPE copy;

	if (!rule || ended || bpf_probe_read_kernel(&copy, sizeof(copy), rule))
		return NFT_NO_RULE;
#if NFT_RULE_HAS_END
	if (nft_rule_bits(&copy, is_last))
		return NFT_NO_RULE;
#endif
	return nft_rule_bits(&copy, handle);
}

static __always_inline int nft_collect(struct tracer_ctx *ctx, struct tracer_event *event)
{
	struct nft_traceinfo *info = ctx->nft_traceinfo;
	struct nft_base_chain *base = TRACER_GET(ctx, info, basechain);
	bool is_policy = ctx->nft_trace_types == NFT_TRACETYPE_POLICY;
	struct nft_pktinfo *packet;
	struct nft_verdict *verdict;
	struct section_nft *section;
	struct nft_chain *chain;
	struct nft_table *table;
	NFT_RULE_TYPE *rule;
	s32 code;

#if NFT_INFO_HAS_ALL
	packet = TRACER_GET(ctx, info, pkt);
	verdict = TRACER_GET(ctx, info, verdict);
	rule = TRACER_GET(ctx, info, rule);
#else
	packet = ctx->nft_pktinfo;
	verdict = ctx->nft_verdict;
	rule = ctx->nft_rule_dp;
#endif
	if (is_policy)
		code = TRACER_GET(ctx, base, policy);
	else
		code = nft_code(TRACER_GET(ctx, verdict, code));
	if (!nft_is_wanted(code))
		return TRACER_VETO;
	section = tracer_add(event, nft);
	if (!section)
		return TRACER_NOTHING;
#if NFT_INFO_HAS_ALL
	chain = ctx->nft_chain;
#else
	if (rule)
		chain = nft_chain_of(rule);
	else
		chain = (struct nft_chain *)TRACER_ADDRESS(base, chain);
#endif
	table = TRACER_PROBE_GET(chain, table);
	section->table_handle = TRACER_PROBE_GET(table, handle);
	section->chain_handle = TRACER_PROBE_GET(chain, handle);
	section->rule_handle = nft_rule_handle(rule, ctx->nft_trace_types == NFT_TRACETYPE_RETURN && code == -1);
	section->verdict = code;
	section->policy = is_policy;
	nft_copy_name(section->table_name, TRACER_PROBE_GET(table, name));
	nft_copy_name(section->chain_name, TRACER_PROBE_GET(chain, name));
	if (code == NFT_JUMP_CODE || code == NFT_GOTO_CODE)
		nft_copy_name(section->verdict_chain_name, TRACER_PROBE_GET(TRACER_PROBE_GET(verdict, chain), name));
	else
		__builtin_memset(section->verdict_chain_name, 0, sizeof(section->verdict_chain_name));
#if NFT_RULES
	if (section->rule_handle != NFT_NO_RULE) {
		struct nf_hook_state *state = TRACER_GET(ctx, packet, state);
		struct section_nft_rule *place;
		s64 table_handle = section->table_handle, handle = section->rule_handle;

		place = tracer_add(event, nft_rule);
		if (!place)
			return TRACER_OK;
		place->netns = TRACER_GET(ctx, TRACER_GET(ctx, state, net), ns.inum);
		place->table_handle = table_handle;
		place->handle = handle;
		place->state = 0;
		place->text = 0;
	}
#endif
	return TRACER_OK;
}
