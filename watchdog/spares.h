/* SPDX-License-Identifier: MIT
 *
 * The alert `spares_exhausted`: a slot should be handed off and no thread is left to take it. There the promise that
 * nobody starves ends, so the line says who has the threads. Monitor thread only.
 */
#ifndef WATCHDOG_SPARES_H
#define WATCHDOG_SPARES_H

#include "core/base.h"

void spares_init(void);
/* A hand-off of the service `handle` found no spare. Spares are made by another thread, so it is an alert only when
 * that lasts. */
void spares_missing(uint32_t handle, int64_t now_ns);
/* A hand-off found one: the alert, if there was one, is over. */
void spares_found(int64_t now_ns);
/* Each pass: over without another hand-off? Returns when to look again. */
int64_t spares_pass(int64_t now_ns);

/* Has the alert been written and not closed? */
bool spares_are_exhausted(void);

#endif
