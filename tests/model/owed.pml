/* SPDX-License-Identifier: MIT
 *
 * A wake-up that is owed (runq_follow in sched/runq.c, wake_owed in sched/runq_due.c, turn_is_over in sched/worker.c):
 * idle.pml with one thing more. A service that runs and will be through in a moment puts the one that it wakes into the heap
 * without claiming anybody, since its own worker will come and take it, and rings the monitor. Was it wrong about that, the
 * wake-up is paid in one of these ways, after which it may be at it for ever:
 *	it computes	the monitor looks: where somebody waits beside an idle worker it claims that one and tells it to search,
 *			and it comes back for as long as that is so
 *	it answers	between two messages it does the same, each time that somebody waits; is nobody idle, it gives its
 *			worker up, and that one searches
 *	it is stopped	in the middle: it goes back into the heap, and as somebody else waits there an idle worker is claimed
 *
 * Searched: two workers, one waker with two services, of which the first wakes a third in that way, and then goes on in any of
 * these ways, or is through as it said. In all of them but the first the monitor never looks. Where it answers or is
 * through, the other service may be endless too, so that no worker is left but its own. When the monitor looks is free; so it may
 * be at once.
 *
 * Claimed: as in idle.pml. No wake-up is lost although nobody looks for an idle worker when it is made, and where it is paid
 * by the one that owes it, nobody else is needed for that.
 */
/* verify: safety */
/* broken: OWED_NOT_RUNG RING_BEFORE_PUSH NOT_PAID PAID_ONCE NOT_GIVEN_UP REQUEUED_SILENTLY */

#define OWED
#define FOLLOWER 2

#include "idle.pml"
