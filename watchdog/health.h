/* SPDX-License-Identifier: MIT
 *
 * Is the process as a whole of any use? Two consequences: the service manager hears WATCHDOG=1 only while workers make
 * progress, and a process most of whose workers are lost ends itself, so that it is started again.
 */
#ifndef WATCHDOG_HEALTH_H
#define WATCHDOG_HEALTH_H

#include "core/base.h"

/* `abort_ns`: how long more than half of the workers may be lost; 0: for ever. Before the monitor starts. */
void health_init(int64_t abort_ns, int max_workers);
void health_term(void);

/* A part of the monitor's pass. Returns when the next is due; INT64_MAX when nobody waits for it. Ends the process by
 * SIGABRT when it must. */
int64_t health_pass(int64_t now);

#endif
