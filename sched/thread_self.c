/* SPDX-License-Identifier: MIT
 *
 * Which thread is this? The one place that reads our thread-local variable. A service can be parked and
 * resumed on another thread at any call, so the address of the variable must be computed anew each time:
 * the function is not inlined, and the barrier keeps the compiler from merging two calls of it (it does
 * merge calls of a merely noinline function that it can see to be pure). tests/structure checks the
 * disassembly. Compiled without sanitizers: the signal handler calls it.
 */
#include "sched/park.h"
#include "sched/thread.h"

#include <errno.h>

static __thread struct thread *self __attribute__((tls_model("local-exec")));

NOINLINE struct thread *thread_self(void)
{
	__asm__ volatile("" ::: "memory");
	return self;
}

NOINLINE void thread_set_self(struct thread *t)
{
	__asm__ volatile("" ::: "memory");
	self = t;
}

NOINLINE int errno_get(void)
{
	__asm__ volatile("" ::: "memory");
	return errno;
}

NOINLINE void errno_set(int value)
{
	__asm__ volatile("" ::: "memory");
	errno = value;
}
