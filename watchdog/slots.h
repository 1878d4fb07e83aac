/* SPDX-License-Identifier: MIT
 *
 * The monitor's care for slots: asking services to stop whose slice is used while others wait, repeating
 * requests that were not honoured, handing slots off, and fetching services home from threads that lost
 * their slot. Monitor thread only.
 */
#ifndef WATCHDOG_SLOTS_H
#define WATCHDOG_SLOTS_H

#include "sched/runq.h"

struct slots_options {
	int64_t retry_ns; /* between two signals for one request */
	int64_t handoff_ns;
	int64_t doomed_ns; /* how often a killed service that runs is asked */
};

/* Room for `max_threads`. */
void slots_init(const struct slots_options *options, int max_threads);
void slots_term(void);

/* One pass. `due` is filled for the alerts. Returns when the next is due (INT64_MAX: when rung). */
int64_t slots_pass(int64_t now_ns, struct runq_due *due);

#endif
