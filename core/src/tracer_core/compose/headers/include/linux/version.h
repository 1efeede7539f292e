/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
#ifndef TRACER_VERSION_H
#define TRACER_VERSION_H
#include <linux/kconfig.h>
#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + (c))
/* The oldest kernel we run on. BCC's headers want a number; features are tested for, never read off this. */
#define LINUX_VERSION_CODE KERNEL_VERSION(5, 10, 0)
#endif
