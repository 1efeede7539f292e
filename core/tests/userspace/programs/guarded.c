/* SPDX-License-Identifier: Apache-2.0 */
/* A probe with a semaphore: it is only passed while somebody listens. */
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

#include "probed.h"

unsigned short fixture_guarded_semaphore __attribute__((section(".probes")));

void guarded(long value)
{
	unsigned long values[] = {value};

	if (!*(volatile unsigned short *)&fixture_guarded_semaphore)
		return;
	STAP_PROBE1(fixture, guarded, value);
	passed("fixture:guarded", 1, values);
}
