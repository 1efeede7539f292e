/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Notes a call for the program at its return: the words that begin with TRACER_STUB_ are replaced by what the plan says. */
int TRACER_STUB_FUNCTION(u64 *args)
{
	struct tracer_ctx context = {}, *ctx = &context;
	struct tracer_call call = {};
	u64 cookie, probe;

	call.entered = bpf_ktime_get_ns();
	if (!tracer_is_enabled())
		return 0;
	ctx->args = args;
	ctx->typed = TRACER_STUB_TYPED;
	ctx->registers = TRACER_STUB_REGISTERS;
	cookie = TRACER_STUB_COOKIE;
	probe = TRACER_INDEX(cookie);
TRACER_STUB_SAVE
TRACER_STUB_ARGUMENTS
TRACER_STUB_GETTERS
TRACER_STUB_BEFORE
TRACER_STUB_SIGHT
TRACER_STUB_AFTER
	tracer_enter(&call, TRACER_STUB_FRAME, probe);
	return 0;
}
