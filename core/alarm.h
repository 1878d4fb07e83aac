/* SPDX-License-Identifier: MIT
 *
 * An alarm clock: one thread sleeps until a time, and any thread may set it earlier without waking the sleeper, which
 * would cost a switch to it and back (10 to 30 us of CPU on a virtual machine) only to sleep for a shorter time. The kernel's timer
 * itself is set, by whoever wants it earlier.
 *
 * Nothing is slept through: the sleeper says with alarm_rest that it will look at the world by itself, at the latest, and
 * looks only then; whoever has changed the world calls alarm_by afterwards. Both are sequentially consistent.
 *
 *	sleeper                                  others
 *	-------                                  ------
 *	due = rest (seq)                         change the world (seq)
 *	look at the world -> next                load due (seq); later than I need?
 *	due = min(due, next)                       due = min(due, mine); set
 *	set; read, which waits for the timer
 *
 * `set` gives the kernel a time and reads `due` afterwards; is that earlier by now, it sets again. So whoever was slow cannot leave
 * the timer later than `due`: the last one to set it has seen the `due` that counts. It may be left earlier, and then the sleeper
 * wakes for nothing. tests/model/alarm.pml searches all of this.
 *
 * Rejected: a futex as the bell. To make the sleep shorter it has to end it, and a process full of services that wake each
 * other did so thousands of times a second.
 */
#ifndef CORE_ALARM_H
#define CORE_ALARM_H

#include "core/atomics.h"
#include "core/base.h"

struct alarm {
	_Atomic int64_t due_ns; /* when the sleeper looks by itself; INT64_MAX: not at all */
	int fd;
};

/* Once, for the life of the process. Dies when the system has no timer to give. */
void alarm_init(struct alarm *a);

/* The sleeper shall wake by that time (monotonic; one that is over: now). Any thread, signal handlers too; never blocks. */
void alarm_by(struct alarm *a, int64_t by_ns);

static inline int64_t alarm_due_ns(const struct alarm *a)
{
	return load_seq(&a->due_ns);
}

/* The rest is the sleeper's alone. */

/* From now on only those are heard who need it earlier. */
static inline void alarm_rest(struct alarm *a, int64_t until_ns)
{
	store_seq(&a->due_ns, until_ns);
}

/* As alarm_by, while it is awake. */
void alarm_lower(struct alarm *a, int64_t by_ns);
/* Sleeps until it is due; may return early. */
void alarm_sleep(struct alarm *a);

#endif
