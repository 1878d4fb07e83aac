/* SPDX-License-Identifier: MIT
 *
 * For thread_local.py: the compiler sees the body of thread_self and two calls of it, and must still
 * make both. Between them the service could have been parked.
 */
#include "sched/thread_self.c"

void call_twice(struct thread *out[2], void (*between)(void));

void call_twice(struct thread *out[2], void (*between)(void))
{
	out[0] = thread_self();
	between();
	out[1] = thread_self();
}
