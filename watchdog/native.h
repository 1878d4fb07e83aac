/* SPDX-License-Identifier: MIT
 *
 * Where a thread is that is in C code: the name of the system call that it sleeps in, and its native frames. Monitor
 * thread only.
 */
#ifndef WATCHDOG_NATIVE_H
#define WATCHDOG_NATIVE_H

#include "sched/thread.h"

struct native {
	char syscall[192]; /* "read(3<pipe:[4711]>, ...)", "" when it is in none */
	char frames[1400]; /* lines, each with a leading tab, the last without an end; "" when there are none */
};

/* Asks the thread for its frames if it still runs the dispatch of this run word. It tells at the next signal, which is for
 * the caller to send. */
void native_ask(struct thread *t, uint64_t word);
/* What is known of the thread in that dispatch: what it told, or what it sleeps in. false: nothing (yet), and `out` is as it
 * was. Some 100 us for the names of frames, else some 10. */
bool native_look(struct thread *t, uint64_t word, struct native *out);

/* The frames as text. For native_look and its test. */
void native_put_frames(const struct walk *w, char *out, size_t size);

#endif
