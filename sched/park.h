/* SPDX-License-Identifier: MIT
 *
 * The preemption signal: its handler decides by the interrupted program counter whether the service can
 * be parked right there (tiers A and B) or not (tier C), and parks it. See park.c.
 */
#ifndef SCHED_PARK_H
#define SCHED_PARK_H

#include "sched/thread.h"
#include <signal.h>

#define PARK_SIGNAL SIGURG

/* Nobody is parked with less of his stack left: the handler would need it to take a fresh one, and then may hold a lock
 * where it runs into the guard. It is less than what the heap keeps for raising errors, so whoever is there is
 * refused memory anyhow. */
enum { PARK_ROOM_BYTES = 24 * 1024 };

/* What the kernel returns to from the handler: the word at which a preemption's frame begins. */
void park_restorer(void);

/* Installs the handler for the process. Main thread, before workers start. */
void park_init(void);

/* Parking is impossible on this machine (hardware shadow stacks): only hand-off preempts. */
bool park_is_possible(void);

/* sched/thread_self.c, uninstrumented and fetched anew on each call. */
void thread_set_self(struct thread *t);
int errno_get(void);
void errno_set(int value);

#endif
