/* SPDX-License-Identifier: MIT
 *
 * A wake-up that is owed (runq_follow in sched/runq.c, wake_owed in sched/runq_due.c): idle.pml with one thing more. A service
 * that runs and will be through in a moment puts the one that it wakes into the heap without claiming anybody, since its
 * own worker will come and take it, and rings the monitor. That one looks a while later: where somebody waits beside an idle
 * worker it claims that worker and tells it to search, and it comes back for as long as that is so.
 *
 * Searched: two workers, one waker with two services, of which one never ends once it runs, and was wrong about it: it wakes a
 * third in that way before. When the monitor looks is free; so it may be at once.
 *
 * Claimed: as in idle.pml. No wake-up is lost although nobody looks for an idle worker when it is made.
 */
/* verify: safety */
/* broken: OWED_NOT_RUNG RING_BEFORE_PUSH */

#define OWED
#define FOLLOWER 2

#include "idle.pml"
