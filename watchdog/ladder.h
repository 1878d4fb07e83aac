/* SPDX-License-Identifier: MIT
 *
 * The ladder of one message: what is done about it, by the CPU that it has used. Pure: no clocks, threads or I/O. The
 * limits come from the service (sched/limits.h); each step has its own, 0 leaves it out, and a step that lies before
 * a milder one simply comes first.
 *
 *	step       due when the message has used     and                              is over when
 *	---------  --------------------------------  -------------------------------  --------------------------------
 *	warn       `warn`, then each doubling        rules.h                          the message is
 *	demote     `demote`                          the service is not demoted yet   it has behaved (demoted.h)
 *	dump       `dump`                            once a message                   at once
 *	interrupt  `interrupt`, or asked by hand     none is on its way               the error is out of its task
 *	           again, `interrupt` after the      the message goes on with other
 *	           last one came out                 tasks
 *	kill       `kill`                            it is not killed yet             the service is dead
 *	           LADDER_STUCK_NS after an          the interrupt is on its way
 *	           interrupt was sent                still, and its thread was told
 *	                                             LADDER_MEETINGS times: no hook
 *	                                             fires there
 *
 * What acts is never silent: before demote, interrupt and kill there is an alert of that message, also where `warn`
 * is later or off (endless.c).
 */
#ifndef WATCHDOG_LADDER_H
#define WATCHDOG_LADDER_H

#include "sched/limits.h"

/* CPU that an interrupt may take to come out. CPU, not time: one that does not get a worker has had no chance to
 * raise it, and one that sleeps in the kernel harms nobody. */
#define LADDER_STUCK_NS 100000000

/* And signals that have told it so meanwhile: the clock of a thread whose core the host has taken away goes on until
 * the host says what it took, and a thread may lose its core between the signal and the hook. With a clock ten times
 * further it does not hear of it: its C code has blocked the signal. */
#define LADDER_MEETINGS 3

/* Of one message; zeros: nothing was done. */
struct ladder {
	unsigned taken;      /* 1 << step: handed over to whoever does it */
	bool pending;        /* an interrupt is on its way */
	uint32_t interrupts; /* the service's count when it was sent */
	int64_t sent_ns;     /* CPU then, */
	uint32_t met;        /* and the service's count of meetings */
	int64_t again_ns;    /* CPU from which the next one may be sent; 0: none was */
};

struct ladder_look {
	int64_t cpu_ns;      /* of the message so far */
	uint32_t interrupts; /* the service's counts now: errors that came out, */
	uint32_t met;        /* and times that its thread was told to raise one */
	bool by_hand;        /* somebody asks for an interrupt of this message */
	bool demoted, doomed;
};

/* The steps that are due, 1 << step each; `stuck`: the kill is for an interrupt that does not come out. Notes
 * interrupts that have come out. What was handed over must be told by ladder_take; what could not be is due again. */
unsigned ladder_due(struct ladder *l, const int64_t at_ns[STEP_COUNT], const struct ladder_look *look,
		    bool *stuck);
void ladder_take(struct ladder *l, enum limit_step step, const struct ladder_look *look);

/* CPU figure at which the first of all steps is due; INT64_MAX: none ever is. */
int64_t ladder_first_ns(const int64_t at_ns[STEP_COUNT]);
/* The same for what is left to do of this message. */
int64_t ladder_next_ns(const struct ladder *l, const int64_t at_ns[STEP_COUNT], int64_t cpu_ns);

#endif
