/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* A program where packets end or their data moves: the words that begin with TRACER_STUB_ are replaced by what the plan says. */
TRACER_STUB_LINKAGE TRACER_STUB_FUNCTION(u64 *args)
{
	struct tracer_ctx context = {}, *ctx = &context;
	struct tracer_call call = {};
	u64 probe;

TRACER_STUB_BODY
	ctx->args = args;
	ctx->typed = TRACER_STUB_TYPED;
	ctx->registers = TRACER_STUB_REGISTERS;
TRACER_STUB_BEFORE
TRACER_STUB_ACTION
	return 0;
}
