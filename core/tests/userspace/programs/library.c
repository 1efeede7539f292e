/* SPDX-License-Identifier: Apache-2.0 */
/* A probe in a shared library. */
#include <sys/sdt.h>

#include "probed.h"

void library_call(long value)
{
	unsigned long values[] = {value};

	STAP_PROBE1(fixture, library, value);
	passed("fixture:library", 1, values);
}
