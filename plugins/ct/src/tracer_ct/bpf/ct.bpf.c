/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The conntrack entry of a packet.
 *
 * Kernel: skb->_nfct, include/linux/skbuff.h, is a pointer to struct nf_conn, include/net/netfilter/nf_conntrack.h, with an enum
 * ip_conntrack_info in the lower three bits. The plugin defines, after asking the kernel's types:
 *
 *   CT_FIRST, CT_SIZE	 the part of struct nf_conn that holds all that is reported, in whole words
 *   CT_ZONE, CT_MARK	 there is zone, or mark, in it
 *   CT_SCTP		 it knows states of SCTP
 *   CT_LABELS		 one more than NF_CT_EXT_LABELS, the number of the extension that holds labels; 0 if there is none
 */
#define CT_INFO 7ULL
#define CT_LAST_INFO 4 /* IP_CT_RELATED_REPLY; of what is above, only IP_CT_UNTRACKED is ever seen */
#define CT_UNTRACKED 7

#define CT_IPV4 2 /* AF_INET, include/linux/socket.h */
#define CT_IPV6 10
#define CT_ICMP 1 /* IPPROTO_ICMP, include/uapi/linux/in.h */
#define CT_TCP 6
#define CT_UDP 17
#define CT_ICMPV6 58
#define CT_SCTP_PROTOCOL 132

/* A member of the part of a struct nf_conn that was read to words. */
#define CT_AT(words, f) ((char *)(words) + __builtin_offsetof(struct nf_conn, f) - CT_FIRST)
#define CT_GET(words, f) (*(typeof(((struct nf_conn *)0)->f) *)CT_AT(words, f))

/* All of it at once, since a probe read costs as much as ten loads. */
static __always_inline bool ct_read(u64 *words, struct nf_conn *ct)
{
	return !bpf_probe_read_kernel(words, CT_SIZE, (char *)ct + CT_FIRST);
}

/* Of templates, which are no connections yet, this is 0. */
static __always_inline bool ct_is_ip(u64 *words)
{
	u16 family = CT_GET(words, tuplehash[0].tuple.src.l3num);

	return family == CT_IPV4 || family == CT_IPV6;
}

/* Whether the section ct has a form for it. */
static __always_inline bool ct_is_known(u64 *words)
{
	u16 family = CT_GET(words, tuplehash[0].tuple.src.l3num);

	switch (CT_GET(words, tuplehash[0].tuple.dst.protonum)) {
	case CT_TCP:
	case CT_UDP:
	case CT_SCTP_PROTOCOL:
		return true;
	case CT_ICMP:
		return family == CT_IPV4;
	case CT_ICMPV6:
		return family == CT_IPV6;
	default:
		return false;
	}
}

static __always_inline void ct_fill_labels(struct section_ct_connection *to, u64 *words)
{
	to->labels_lo = 0;
	to->labels_hi = 0;
#if CT_LABELS
	struct nf_ct_ext *ext = CT_GET(words, ext);
	u32 offset = ext ? TRACER_PROBE_GET(ext, offset[CT_LABELS - 1]) : 0;

	if (offset)
		bpf_probe_read_kernel(&to->labels_lo, 2 * sizeof(u64), (char *)ext + offset);
#endif
}

static __always_inline void ct_fill_state(struct section_ct_connection *to, u64 *words)
{
	to->proto_state = 0;
	to->orig_vtag = 0;
	to->reply_vtag = 0;
	if (to->protocol == CT_TCP)
		to->proto_state = CT_GET(words, proto.tcp.state);
#if CT_SCTP
	if (to->protocol == CT_SCTP_PROTOCOL) {
		to->proto_state = CT_GET(words, proto.sctp.state);
		to->orig_vtag = bpf_ntohl(CT_GET(words, proto.sctp.vtag[0]));
		to->reply_vtag = bpf_ntohl(CT_GET(words, proto.sctp.vtag[1]));
	}
#endif
}

/* Records of all connections are alike, whatever section they are of. */
static __always_inline void ct_fill(void *record, u64 *words)
{
	struct section_ct_connection *to = record;

	to->status = CT_GET(words, status);
	__builtin_memcpy(to->orig_src, CT_AT(words, tuplehash[0].tuple.src.u3), sizeof(to->orig_src));
	__builtin_memcpy(to->orig_dst, CT_AT(words, tuplehash[0].tuple.dst.u3), sizeof(to->orig_dst));
	__builtin_memcpy(to->reply_src, CT_AT(words, tuplehash[1].tuple.src.u3), sizeof(to->reply_src));
	__builtin_memcpy(to->reply_dst, CT_AT(words, tuplehash[1].tuple.dst.u3), sizeof(to->reply_dst));
	to->orig_from = bpf_ntohs(CT_GET(words, tuplehash[0].tuple.src.u.all));
	to->orig_to = bpf_ntohs(CT_GET(words, tuplehash[0].tuple.dst.u.all));
	to->reply_from = bpf_ntohs(CT_GET(words, tuplehash[1].tuple.src.u.all));
	to->reply_to = bpf_ntohs(CT_GET(words, tuplehash[1].tuple.dst.u.all));
	to->family = CT_GET(words, tuplehash[0].tuple.src.l3num);
	to->protocol = CT_GET(words, tuplehash[0].tuple.dst.protonum);
	to->mark = 0;
	to->zone_id = 0;
	to->zone_dir = 0;
#if CT_MARK
	to->mark = CT_GET(words, mark);
#endif
#if CT_ZONE
	to->zone_id = CT_GET(words, zone.id);
	to->zone_dir = CT_GET(words, zone.dir);
#endif
	ct_fill_state(to, words);
	ct_fill_labels(to, words);
}

/* Sections of untracked packets say nothing but that. */
static __always_inline int ct_untracked(struct tracer_event *event)
{
	struct section_ct_other *other = tracer_add(event, ct_other);

	if (!other)
		return TRACER_NOTHING;
	other->state = CT_UNTRACKED;
	return TRACER_OK;
}

static __always_inline int ct_known(struct tracer_event *event, u64 *words, u8 info)
{
	struct nf_conn *master = CT_GET(words, master);
	struct section_ct *ct = tracer_add(event, ct);
	void *connection = ct ? tracer_add(event, ct_connection) : NULL;
	void *parent;

	if (!connection)
		return TRACER_NOTHING;
	ct->state = info;
	ct_fill(connection, words);
	if (master && ct_read(words, master) && ct_is_ip(words) && ct_is_known(words)) {
		parent = tracer_add(event, ct_parent);
		if (parent)
			ct_fill(parent, words);
	}
	return TRACER_OK;
}

static __always_inline int ct_other(struct tracer_event *event, u64 *words, u8 info)
{
	struct nf_conn *master = CT_GET(words, master);
	struct section_ct_other *other = tracer_add(event, ct_other);
	void *connection = other ? tracer_add(event, ct_other_connection) : NULL;
	void *parent;

	if (!connection)
		return TRACER_NOTHING;
	other->state = info;
	ct_fill(connection, words);
	if (master && ct_read(words, master) && ct_is_ip(words)) {
		parent = tracer_add(event, ct_other_parent);
		if (parent)
			ct_fill(parent, words);
	}
	return TRACER_OK;
}

static __always_inline int ct_collect(struct tracer_ctx *ctx, struct tracer_event *event)
{
	u64 nfct = TRACER_GET(ctx, ctx->sk_buff, _nfct);
	struct nf_conn *ct = (struct nf_conn *)(nfct & ~CT_INFO);
	u8 info = nfct & CT_INFO;
	u64 words[CT_SIZE / 8];

	if (info > CT_LAST_INFO && info != CT_UNTRACKED)
		return TRACER_NOTHING;
	if (!ct)
		return info == CT_UNTRACKED ? ct_untracked(event) : TRACER_NOTHING;
	if (!ct_read(words, ct) || !ct_is_ip(words))
		return TRACER_NOTHING;
	return ct_is_known(words) ? ct_known(event, words, info) : ct_other(event, words, info);
}
