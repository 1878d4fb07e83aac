/* SPDX-License-Identifier: MIT
 *
 * Who waits for a worker longer than it should, for the monitor: a look at all that wait, which takes each shard's lock
 * for about as long as it takes to read so many entries. Not for every pass.
 */
#ifndef SCHED_WAITERS_H
#define SCHED_WAITERS_H

#include "sched/service.h"

struct waiter {
	uint32_t handle;
	char name[sizeof(((struct service *)0)->name)];
	int64_t since_ns, born_ns;
	int64_t slice_ns, ahead_ns; /* ahead: virtual run time beyond the virtual time, >= 0 */
	int32_t weight;
	int members; /* that wait in its group; 1 without */
};

struct waiters {
	int64_t total_weight; /* of all that wait or run; a group counts once */
	int count;            /* of `longest` */
	struct waiter longest[16];
};

/* Those that have waited at least `least_ns`, at most 16 of them, the longest first; a shard whose lock is taken is
 * passed over. Allocates nothing. Monitor only. */
void waiters_read(struct runq *q, int64_t now_ns, int64_t least_ns, struct waiters *out);

#endif
