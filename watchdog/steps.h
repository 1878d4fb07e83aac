/* SPDX-License-Identifier: MIT
 *
 * Takes the steps of the ladder (ladder.h) for one message. Monitor thread only.
 */
#ifndef WATCHDOG_STEPS_H
#define WATCHDOG_STEPS_H

#include "sched/thread.h"
#include "watchdog/ladder.h"

/* What was done about one message; zeros: nothing. */
struct steps {
	struct ladder ladder;
	struct service *held; /* killed: a reference, so that it can be seen how it ends */
	int64_t signalled_ns; /* for the interrupt that is on its way */
	/* CPU of the message when it was; 0: it was not. For the closing line. */
	int64_t demoted_ns, interrupted_ns, killed_ns;
};

/* The message, seen running on a thread in this dispatch. */
struct steps_look {
	struct thread *thread;
	uint64_t epoch;
	struct service *service;
	uint32_t handle;
	uint64_t number;
	int64_t cpu_ns, now_ns;
	const char *name, *place; /* "" when it is not known */
	bool told;                /* there was an alert about it: it may be acted on */
};

void steps_init(void);
/* Is somebody asking for an interrupt of this message by hand? */
bool steps_asked_by_hand(struct service *s, uint64_t number);
/* Takes what is due. `raising`: an interrupt was sent just now. Returns when to look again; INT64_MAX: when it has
 * used more. */
int64_t steps_take(struct steps *s, const struct steps_look *look, bool *raising);
/* The message is over: forgets it. */
void steps_end(struct steps *s);

#endif
