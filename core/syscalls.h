/* SPDX-License-Identifier: MIT
 *
 * Which system call a thread of the process sleeps in: from /proc/self/task/TID/syscall, which the kernel fills for
 * threads that are not running.
 */
#ifndef CORE_SYSCALLS_H
#define CORE_SYSCALLS_H

#include "core/base.h"

struct syscalls_call {
	long number; /* -1: it is asleep, but in no system call (a page that is not there yet) */
	uint64_t argument[6];
	uintptr_t sp, pc; /* where the program goes on when it is through */
};

/* "nanosleep", NULL: unknown. Any thread. */
const char *syscalls_name(long number);
/* Takes the text of that file apart. false: the thread runs, or it is no such text. */
bool syscalls_parse(const char *text, struct syscalls_call *call);
/* Reads it. false also where the system does not tell. Two system calls; allocates nothing, takes no lock. Any thread. */
bool syscalls_read(int32_t tid, struct syscalls_call *call);

/* "read(3<pipe:[4711]>, ...)": the first argument is told where it is a descriptor of ours, with what that is open on, and the
 * result is cut to the size. Returns its length. Allocates nothing. Any thread. */
size_t syscalls_format(const struct syscalls_call *call, char *out, size_t size);

#endif
