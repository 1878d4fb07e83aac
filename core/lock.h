/* SPDX-License-Identifier: MIT
 *
 * A lock of four bytes for sections of a few instructions, where a pthread mutex (40 bytes in each
 * of ten thousand mailboxes) is too much, or goes to sleep too soon. Taking a free one is one CAS; a taken one is spun on
 * for about a microsecond and then slept on.
 *
 * The holder must not block, or park: a service that is parked with a lock in its hands
 * stops everybody who wants it. So whoever takes one on a thread that can be preempted does it in a
 * section that counts as not preemptible. It is not recursive and not for signal handlers.
 */
#ifndef CORE_LOCK_H
#define CORE_LOCK_H

#include "core/base.h"
#include "core/futex.h"

struct lock {
	futex_word state; /* LOCK_FREE, LOCK_HELD, LOCK_WANTED: see lock.c */
};

/* Makes it free. Before any other thread knows it. */
void lock_init(struct lock *l);
/* Returns when the caller has it. Any thread that does not hold it. */
void lock_take(struct lock *l);
/* true: the caller has it. Never waits. */
bool lock_try(struct lock *l);
/* Only the holder. The memory may belong to somebody else as soon as the lock is free, so the
 * wake-up that follows may go to a stranger: all sleepers in equilune bear early returns. */
void lock_release(struct lock *l);

#endif
