/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* A program: the words that begin with TRACER_STUB_ are replaced by what the plan says. */
TRACER_STUB_LINKAGE TRACER_STUB_FUNCTION(u64 *args)
{
	struct tracer_ctx context = {}, *ctx = &context;
	struct tracer_event *event;
	struct tracer_call call;
	bool wanted = false;
	u64 cookie, probe;

	if (!tracer_is_enabled())
		return 0;
	ctx->args = args;
	ctx->typed = TRACER_STUB_TYPED;
	ctx->registers = TRACER_STUB_REGISTERS;
	ctx->usdt = TRACER_STUB_USDT;
	cookie = TRACER_STUB_COOKIE;
	probe = TRACER_INDEX(cookie);
TRACER_STUB_CALL
TRACER_STUB_ARGUMENTS
TRACER_STUB_GETTERS
TRACER_STUB_BEFORE
TRACER_STUB_SIGHT
TRACER_STUB_AFTER
	event = tracer_begin(ctx, probe);
	if (!event)
		return 0;
TRACER_STUB_RETURN
#define tracer_judge(verdict)                                                                                          \
	do {                                                                                                           \
		int tracer_verdict = (verdict);                                                                        \
		if (tracer_verdict == TRACER_VETO)                                                                     \
			goto veto;                                                                                     \
		wanted |= tracer_verdict == TRACER_OK;                                                                 \
	} while (0)
TRACER_STUB_FRAGMENTS
#undef tracer_judge
	goto end;
veto:
	wanted = false;
end:
TRACER_STUB_STACK
	tracer_end_event(event, probe, wanted);
	return 0;
}
