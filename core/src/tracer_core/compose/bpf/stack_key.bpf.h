/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Which kernel stack a program is called on. Before this text stand:
 *
 *   TRACER_THREAD_SIZE	 bytes of a task's kernel stack, and at least those of any other
 *   TRACER_TASK_STACK	 where struct task_struct has the lowest address of its own
 *
 * The task's own, or else that of the CPU, on which interrupts run. Not the address without its last bits: what the stacks of
 * interrupts begin at is a multiple of a page, no more (map_irq_stack(), arch/x86/kernel/irq_64.c).
 */
static __always_inline u64 tracer_stack_at(u64 position)
{
	u64 bottom = 0;

	bpf_probe_read_kernel(&bottom, sizeof(bottom), (char *)bpf_get_current_task() + TRACER_TASK_STACK);
	return position - bottom < TRACER_THREAD_SIZE ? bottom : bpf_get_smp_processor_id();
}

/*
 * For fragments: names the kernel stack that the program is called on. What an outer function left in a map under it, what it calls
 * finds there, and nobody else does, until whoever left it takes it away. In processes it means nothing.
 */
static __always_inline u64 tracer_stack_key(struct tracer_ctx *ctx)
{
	return tracer_stack_at(ctx->position);
}
