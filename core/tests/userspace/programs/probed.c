/* SPDX-License-Identifier: Apache-2.0 */
/* A program with USDT probes. For each line it reads, it hits all of them and prints what it passed, as 64-bit numbers. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sdt.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probed.h"

struct numbers {
	char c;
	short s;
	int i;
	long l;
	unsigned char uc;
	unsigned short us;
	unsigned int ui;
	unsigned long ul;
};

static volatile long sink;

void passed(const char *probe, int count, const unsigned long *values)
{
	printf("%s", probe);
	for (int n = 0; n < count; n++)
		printf(" %lu", values[n]);
	printf("\n");
}

#define PASSED(probe, ...)                                                                                             \
	do {                                                                                                           \
		unsigned long values[] = {__VA_ARGS__};                                                                \
		passed(probe, sizeof(values) / sizeof(*values), values);                                               \
	} while (0)

static __attribute__((noinline)) void every_type(struct numbers *n, long *table, unsigned long index)
{
	long local = n->l ^ 1;

	STAP_PROBE11(fixture, every_type, n->c, n->s, n->i, n->l, n->uc, n->us, n->ui, n->ul, table[index], local, -3);
	PASSED("fixture:every_type", n->c, n->s, n->i, n->l, n->uc, n->us, n->ui, n->ul, table[index], local, -3);
}

static __attribute__((always_inline)) inline void several(int which, long value)
{
	STAP_PROBE2(fixture, several, which, value);
	PASSED("fixture:several", which, value);
}

__attribute__((noinline)) long a_function(long first, long second)
{
	sink = first + second;
	return first * second;
}

#ifdef __x86_64__
/* A note of our own making: operands that compilers seldom choose. */
#define NOTE(name, operands)                                                                                           \
	"990: nop\n.pushsection .note.stapsdt,\"\",\"note\"\n.balign 4\n.4byte 992f-991f, 994f-993f, 3\n"              \
	"991: .asciz \"stapsdt\"\n992: .balign 4\n993: .8byte 990b, _.stapsdt.base, 0\n"                               \
	".asciz \"fixture\"\n.asciz \"" name "\"\n.asciz \"" operands "\"\n994: .balign 4\n.popsection\n"

static __attribute__((noinline)) void odd_operands(unsigned long a, long *table, unsigned long index)
{
	__asm__ volatile(NOTE("odd_operands",
			      "1@%%ah -1@%%ah 8@(%%rbx,%%rcx,8) -4@-8(%%rbx,%%rcx,8) 2@8(%%rbx,%%rcx) 4@$-1 -8@$-9223372036854775808 "
			      "-2@%%ax 8@0x10(%%rbx) 1@%%cl")
			 :
			 : "a"(a), "b"(table), "c"(index)
			 : "memory");
	PASSED("fixture:odd_operands", (unsigned char)(a >> 8), (signed char)(a >> 8), table[index],
	       (int)table[index - 1], *(unsigned short *)((char *)table + index + 8), 0xffffffff, 1UL << 63, (short)a,
	       table[2], (unsigned char)index);
}
#endif

static void *thread(void *value)
{
	STAP_PROBE1(fixture, thread_or_child, (long)value);
	return NULL;
}

static void in_a_thread(long value)
{
	pthread_t id;

	pthread_create(&id, NULL, thread, (void *)value);
	pthread_join(id, NULL);
}

static void in_a_child(long value)
{
	if (fork() == 0) {
		thread((void *)value);
		_exit(0);
	}
	wait(NULL);
}

int main(void)
{
	char line[256];
	long table[8];

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("ready\n");
	while (fgets(line, sizeof(line), stdin)) {
		long value = strtol(line, NULL, 10);
		struct numbers n = {value, value, value, value, value, value, value, value};

		for (int i = 0; i < 8; i++)
			table[i] = value * (i + 1);
		every_type(&n, table, (unsigned long)value % 8);
		several(1, value);
		several(2, table[3]);
		several((int)value, 5);
#ifdef __x86_64__
		odd_operands(value, table, 3);
#endif
		guarded(value);
		library_call(value);
		PASSED("a_function", value, value + 1, a_function(value, value + 1));
		in_a_thread(value);
		in_a_child(value);
		STAP_PROBE(fixture, nothing);
		printf("done\n");
	}
	return 0;
}
