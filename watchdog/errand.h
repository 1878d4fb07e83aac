/* SPDX-License-Identifier: MIT
 *
 * What the watchdog decides and must not do itself: demoting, restoring and killing take locks and allocate. The
 * monitor puts an errand into a ring and rings the loop thread, which runs it, if it still applies.
 *
 * The ring has one producer, the monitor, and one consumer, the loop thread. An entry is the monitor's until it
 * releases `put`, then the loop's until that releases `taken`. Full: the monitor keeps the errand and comes again
 * with its next pass. If the loop thread is stuck, so are errands, not alerts.
 */
#ifndef WATCHDOG_ERRAND_H
#define WATCHDOG_ERRAND_H

#include "sched/settings.h"

enum errand_kind { ERRAND_DEMOTE, ERRAND_RESTORE, ERRAND_KILL };

struct errand {
	enum errand_kind kind;
	uint32_t service;
	uint64_t message_number; /* void when the service is at another one by then; not of RESTORE */
};

/* `batch` says what a demoted service gets; NULL: what ships. After loop's sched_init, before loop_start. Without it
 * every errand_post says false. */
void errand_init(void (*batch)(struct settings *out));
/* Hands it over. false: there is no room now. Otherwise `ticket`, if not NULL, is for errand_is_done. Monitor. */
bool errand_post(const struct errand *e, uint64_t *ticket);
/* Has this errand been run, or found void? What it did is visible then. Monitor. */
bool errand_is_done(uint64_t ticket);

#endif
