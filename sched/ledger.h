/* SPDX-License-Identifier: MIT
 *
 * Where the time of one worker's slot goes. The slot is always in one state, so the wall clock is divided
 * without a rest; nothing is estimated until somebody asks how much of it was CPU.
 *
 *	IDLE   no work: the thread sleeps, or it is just given the slot
 *	SCHED  the scheduler's own code
 *	RUN    the body of a service
 *
 *	IDLE -> SCHED -> RUN -> SCHED -> IDLE, and RUN -> IDLE when the slot is handed off
 *
 * That gives wall time. What the host or the kernel took away is found by the CPU clock of the thread that has
 * the slot: of the time in SCHED and RUN, what was not CPU was *lost*. The clock costs more than a short
 * dispatch, so it is read ("a look") only at the end of a stretch of LEDGER_LONG_NS, and every LEDGER_WINDOW_NS
 * of work else. A loss of some size makes the stretch that it fell into long, so it is known exactly who had it;
 * what is found missing over many short stretches is divided between RUN and SCHED as their time is, and
 * the part of RUN is a debt that the next services on this slot pay.
 *
 * A loss is *taken* when the thread wanted to run (host steal, kernel run delay), or *asleep* when a service
 * slept in a system call on its slot. A thread that was not switched out by its own wish was not asleep. If it
 * was, the kernel's run delay is taken, the rest is sleep; host steal in that same stretch is then taken for sleep.
 *
 * A worker that was woken late (LEDGER_LONG_NS after it was given work, or later) has lost that time, too.
 *
 * No clock is read here. Written by the thread that has the slot, and by the monitor while it takes the slot from
 * it; read by anybody: `version` is odd during a change, and a reader copies until it has an undisturbed one.
 */
#ifndef SCHED_LEDGER_H
#define SCHED_LEDGER_H

#include "core/atomics.h"
#include "core/base.h"

enum ledger_state { LEDGER_IDLE, LEDGER_SCHED, LEDGER_RUN, LEDGER_STATES };

enum { LEDGER_LONG_NS = 500000, LEDGER_WINDOW_NS = 2000000 };

typedef _Atomic int64_t ledger_ns;

struct ledger {
	_Atomic uint32_t version;
	_Atomic int state;
	_Atomic(const void *) who;     /* RUN: whose body */
	_Atomic int holder;            /* index of the thread that has the slot, -1: on its way */
	ledger_ns opened_ns, since_ns; /* of the ledger; of the present state */
	/* Stretches that are over. */
	ledger_ns wall_ns[LEDGER_STATES];
	/* What was lost of them and, since the last look, of the present one. */
	ledger_ns taken_ns[LEDGER_STATES], asleep_ns;
	ledger_ns sleep_cost_ns; /* CPU of going to sleep and waking up: was IDLE, is overhead */
	/* The same of the present stretch alone. */
	ledger_ns here_taken_ns, here_asleep_ns;
	ledger_ns debt_ns; /* lost in short runs; no service has paid for it yet */
	/* Since the last look. */
	ledger_ns looked_ns, cpu_ns;    /* when; the holder's CPU clock then */
	ledger_ns busy_ns, busy_run_ns; /* work since then that is over; of it in RUN */
	/* Since the last full look. */
	ledger_ns full_ns, delay_ns; /* when; the holder's run delay then */
	ledger_ns sleeps;            /* its voluntary switches then, and our own since */
	ledger_ns explained_ns;      /* run delay since then that is booked already */
};

/* What is known of the thread that has the slot. */
struct ledger_look {
	int64_t cpu_ns;
	bool full;        /* the rest is filled in */
	int64_t delay_ns; /* its run delay so far, -1: the kernel does not say */
	int64_t sleeps;   /* its voluntary switches so far, -1: unknown, then `asleep` counts */
	bool asleep;      /* it is asleep just now */
};

void ledger_open(struct ledger *l, int64_t now_ns);
/* IDLE to SCHED: a thread has got the slot, which was given to it when the slot became idle. */
void ledger_take(struct ledger *l, int holder, int64_t now_ns, const struct ledger_look *look);
/* The thread that has it goes on in `to`; `who`: in RUN. */
void ledger_move(struct ledger *l, enum ledger_state to, const void *who, int64_t now_ns);
/* IDLE to SCHED: somebody gave it work at `woken_ns`. */
void ledger_wake(struct ledger *l, int64_t woken_ns, int64_t now_ns);

/* RUN to `to`, which is SCHED, or IDLE when the thread loses the slot. */
struct ledger_run {
	int64_t used_ns;  /* what the service is to be billed */
	int64_t taken_ns; /* of the wall time of this run */
};
struct ledger_run ledger_leave(struct ledger *l, enum ledger_state to, int64_t now_ns);

/* Is it time for a look, at the end of the present stretch? */
static inline bool ledger_is_due(const struct ledger *l, int64_t now_ns)
{
	int64_t open = now_ns - load_relaxed(&l->since_ns);
	return open >= LEDGER_LONG_NS || load_relaxed(&l->busy_ns) + open >= LEDGER_WINDOW_NS;
}
/* Lost since the last look by this CPU clock; negative: the CPU cost of sleeping. */
int64_t ledger_lost_ns(const struct ledger *l, int64_t now_ns, int64_t cpu_ns);
void ledger_look(struct ledger *l, int64_t now_ns, const struct ledger_look *look);

/* An undisturbed copy; a few tens of nanoseconds, any thread. */
void ledger_copy(struct ledger *from, struct ledger *to);
/* The same as that of a copy: nothing has changed since it was made. */
static inline uint32_t ledger_version(const struct ledger *l)
{
	return load_relaxed(&l->version);
}

struct ledger_columns {
	int64_t wall_ns;     /* of the slot: the sum of the next four */
	int64_t services_ns; /* CPU in bodies */
	int64_t overhead_ns; /* CPU of the scheduler, and of sleeping and waking */
	int64_t idle_ns;     /* no work, or a service asleep in a system call */
	int64_t taken_ns;    /* host steal, run delay, late wake-ups */
	int64_t asleep_ns;   /* of idle_ns: slots held by sleeping services */
	int64_t debt_ns;     /* services_ns is so much less than what services were billed */
};
/* As of now, the present stretch included. Of a copy, or of one's own. */
void ledger_read(const struct ledger *l, int64_t now_ns, struct ledger_columns *out);
/* What the present run of `l` would be billed if it ended now. */
int64_t ledger_run_ns(const struct ledger *l, int64_t now_ns);

#endif
