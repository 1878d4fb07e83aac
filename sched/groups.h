/* SPDX-License-Identifier: MIT
 *
 * The groups of services that share one weight, by name. A group is made when the first service of that name asks
 * for it, and kept for as long as the scheduler runs: there are as many as names of services.
 */
#ifndef SCHED_GROUPS_H
#define SCHED_GROUPS_H

#include "sched/group.h"
#include "sched/runq.h"

/* The group of that name, made if need be with these settings. Any thread; may allocate. */
struct group *groups_named(struct runq *q, const char *name, const struct settings *settings);
/* When no thread uses them any more. */
void groups_term(void);

#endif
