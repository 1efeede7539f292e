// SPDX-License-Identifier: Apache-2.0
// Passes numbers and a text to a USDT probe, at two places where they are elsewhere, and to a function.
//
// Each line that it reads, "NUMBER TEXT", is answered with the probe's semaphore: how many listen.
#define _SDT_HAS_SEMAPHORES 1
#include <stdio.h>
#include <sys/sdt.h>

unsigned short fired_numbers_semaphore __attribute__((section(".probes")));

/* Known to nobody at compile time, and never inlined. */
#define UNKNOWN __attribute__((noipa))

UNKNOWN void first_place(int first, unsigned char second, long third, const char *text)
{
	STAP_PROBE4(fired, numbers, first, second, third, text);
}

UNKNOWN void second_place(const char *text, const long *third)
{
	STAP_PROBE4(fired, numbers, -7, (unsigned char)249, *third, text);
}

UNKNOWN void fired_function(long first, long second, long third, const char *text)
{
	__asm__ volatile("" : : "r"(first), "r"(second), "r"(third), "r"(text));
}

int main(void)
{
	static char text[64];
	long number;

	while (scanf("%ld %63s", &number, text) == 2) {
		long third = number * 3;

		first_place((int)number, (unsigned char)number, third, text);
		second_place(text, &third);
		fired_function(number, -1, third, text);
		printf("%u\n", *(volatile unsigned short *)&fired_numbers_semaphore);
		fflush(stdout);
	}
	return 0;
}
