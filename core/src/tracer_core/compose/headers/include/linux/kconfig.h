/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What BCC's own headers need in place of a tree of kernel headers: fixed-width types, a few constants, nothing of the
 * kernel. Everything that depends on the kernel is emitted from its BTF. All other headers here include this one.
 */
#ifndef TRACER_KCONFIG_H
#define TRACER_KCONFIG_H

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;

typedef __s8 s8;
typedef __u8 u8;
typedef __s16 s16;
typedef __u16 u16;
typedef __s32 s32;
typedef __u32 u32;
typedef __s64 s64;
typedef __u64 u64;

typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u16 __le16;
typedef __u32 __le32;
typedef __u16 __sum16;
typedef __u32 __wsum;
typedef __u64 __aligned_u64;

typedef _Bool bool;
typedef unsigned long size_t;
typedef long ssize_t;
typedef unsigned long uintptr_t;

enum { false = 0, true = 1 };

#define NULL ((void *)0)
#define __always_inline inline __attribute__((always_inline))

/* Registers of a probed function; BCC's PT_REGS_* macros name them. Layout: arch/x86/include/asm/ptrace.h */
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8;
	unsigned long ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};

#define BPF_ALU64 0x07
#define BPF_K 0
#define BPF_CLASS(code) ((code) & 0x07)
#define CONFIG_BPF_SYSCALL 1
#define PAGE_SHIFT 12
#define PAGE_SIZE 4096


#include <linux/version.h>
#endif
