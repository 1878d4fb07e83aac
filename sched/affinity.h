/* SPDX-License-Identifier: MIT
 *
 * Workers on CPUs of their own (`affinity` in the config): whoever holds slot i runs on the i-th CPU of a
 * list, counted round. A thread that lost its slot may run anywhere, so that it does not compete with the
 * worker that took its place. All other threads are left to the kernel.
 */
#ifndef SCHED_AFFINITY_H
#define SCHED_AFFINITY_H

#include "core/cpus.h"

/* An empty list: the kernel decides, and the calls below do nothing. Copied. Before the workers start. */
void affinity_init(const struct cpus *list);
/* The calling thread holds this slot now. */
void affinity_take(int slot);
/* The thread `tid` has no slot any more. The monitor, for a thread that cannot take one meanwhile. */
void affinity_leave(int tid);

#endif
