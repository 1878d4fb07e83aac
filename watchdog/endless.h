/* SPDX-License-Identifier: MIT
 *
 * Messages that use too much CPU: one episode each, from the first alert to the closing line, with
 * evidence asked from the service's own thread. Monitor thread only.
 */
#ifndef WATCHDOG_ENDLESS_H
#define WATCHDOG_ENDLESS_H

#include "sched/runq.h"

void endless_init(int max_threads);
void endless_term(void);

/* One pass; `due` says who waits. Returns when the next is due. */
int64_t endless_pass(int64_t now_ns, const struct runq_due *due);

/* Alerts written. Any thread. */
uint64_t endless_alerts(void);

#endif
