/* SPDX-License-Identifier: MIT
 *
 * Who used how much CPU: services, scheduler, nobody. Reads the clocks and keeps the ledgers of the workers'
 * slots (ledger.h) and what services are billed. What a service uses on a thread that has no slot is
 * a column of its own.
 *
 * Exact but for: a loss shorter than LEDGER_LONG_NS in a run that ends before a look, which is moved to the
 * next services of that slot; and, for readers on other threads, what was lost since the last look in runs that are
 * shorter than that. The columns of a slot add up in every case.
 */
#ifndef SCHED_ACCOUNTS_H
#define SCHED_ACCOUNTS_H

#include "sched/ledger.h"

struct service;
struct thread;
struct worker;

/* The kernel's figures of the calling thread: opened when it is born. */
void accounts_open_thread(struct thread *t);

/* All slots are idle from now on. Before threads hold them. */
void accounts_open(void);

/* ---- the thread that has the slot ---- */

/* It has just got it; `t->slot` says which. */
void accounts_take_slot(struct thread *t);
/* No work: it goes to sleep, or ends. */
void accounts_idle(struct worker *w, int64_t now_ns);
/* It was given work at w->woken_ns. */
void accounts_woken(struct worker *w, int64_t now_ns);
/* The body of `s` begins. */
void accounts_enter(struct worker *w, const struct service *s, int64_t now_ns);
/* The run of `s` on its slot is over. Bills it; returns what. `taken_ns`: of its wall time, not its fault. */
int64_t accounts_leave(struct worker *w, struct service *s, int64_t now_ns, int64_t *taken_ns);

/* ---- slots that move ---- */

/* The caller (the monitor, or `t` itself) takes the slot from `t`, which it holds in TAKING. Bills the run so far and
 * returns it; from here on the CPU clock of the thread counts. */
int64_t accounts_detach(struct worker *w, struct thread *t, struct service *s, int64_t now_ns);
/* Bills `s` for what its own thread, which has no slot, has used since. */
int64_t accounts_leave_detached(struct thread *t, struct service *s);
/* CPU that a thread has used since it lost its slot. Any thread, while it is detached. */
int64_t accounts_detached_ns(struct thread *t);

/* The service is dead: its bill goes to the total of those that ended. */
void accounts_bury(struct service *s);

/* ---- reading, any thread ---- */

/* CPU of a service up to now, wherever it runs. Never goes back. The caller holds a reference. */
int64_t accounts_cpu_ns(struct service *s);
/* The part of it that is not yet booked in s->cpu_ns: the present run. */
int64_t accounts_running_ns(struct service *s);

struct accounts {
	struct ledger_columns slots; /* sum over all workers; wall_ns is workers x wall */
	int64_t detached_ns;         /* CPU of services without a slot */
	int64_t ended_ns;            /* CPU of services that are dead, on slots and without */
};
void accounts_read(struct accounts *out);

#endif
