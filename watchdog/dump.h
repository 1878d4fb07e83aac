/* SPDX-License-Identifier: MIT
 *
 * The picture of the process that SIGUSR1 asks for: what each worker runs and since when, and the busiest services. It is
 * taken from outside, by reading what everybody publishes, while all goes on.
 */
#ifndef WATCHDOG_DUMP_H
#define WATCHDOG_DUMP_H

#include "core/base.h"

/* Starts the thread "eq-dump", which sleeps until it is asked. After sched_init. */
void dump_start(void);
/* Waits for a dump that is being taken, at most for a moment. */
void dump_stop(void);
/* Asks for one; while one is being taken, for nothing. Any thread. */
void dump_request(void);

#endif
