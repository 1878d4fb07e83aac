/* SPDX-License-Identifier: MIT
 *
 * Threads that cannot leave their C stack and yet take their turns: a C module that computes stops in the signal handler
 * until its service is picked, and a service that is about to block gives its slot away before. See README.md.
 */
#ifndef SCHED_HOLD_H
#define SCHED_HOLD_H

#include "sched/thread.h"

/* In the handler of `t`, in whose body of `s` the interrupted code computes, where text_holdable says yes: the thread
 * leaves its slot to a spare if it has one, queues the service, and sleeps until its turn. true: that has come, the service
 * runs in a new dispatch. false: not now (no spare, the monitor is at it), nothing was done. */
bool hold_here(struct thread *t, struct service *s);
/* `s` is HELD and was picked: its thread gets the caller's slot, the caller goes home. Worker loop. */
NORETURN void hold_give_turn(struct service *s);

/* The calling service goes on without a slot from here. false: there is no spare, it keeps its slot. Own thread, in the
 * body, not nested. */
bool hold_step_aside(void);
/* Queues for a slot and waits for it. Returns at once if the service was parked meanwhile and has one, and when its thread
 * runs at low priority: then it is brought home from Lua code. Own thread, in the body. */
void hold_come_back(void);

#endif
