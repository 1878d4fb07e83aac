/* SPDX-License-Identifier: MIT
 *
 * One heap of those who wait, with its lock. Up to 8 workers share one shard (exact order); beyond that each has
 * its own. What the others need to compare (the first deadline, how many) is published, so that a pick looks at
 * another shard without taking its lock.
 */
#ifndef SCHED_SHARD_H
#define SCHED_SHARD_H

#include "core/atomics.h"
#include "core/lock.h"
#include "sched/heap.h"

#define SHARD_EMPTY INT64_MAX

struct shard {
	struct lock lock;
	/* The lock. */
	struct order_heap heap;
	/* For the backstop: who seems to be passed over, and how many dispatches there had been then. */
	const struct heap_node *suspect;
	uint64_t suspect_since;

	/* Written with the lock. Seq: a worker that has enlisted as idle reads it, see idle.h. */
	_Atomic int64_t first_vd_ns; /* SHARD_EMPTY */
	_Atomic int32_t count;
	/* Somebody who woke waits here for the worker that it preempts: its next pick looks nowhere else. */
	_Atomic bool urgent;
} __attribute__((aligned(CACHE_LINE_BYTES)));

void shard_init(struct shard *s);
void shard_term(struct shard *s);

/* All with the lock. */
void shard_push(struct shard *s, struct heap_node *n);
void shard_remove(struct shard *s, struct heap_node *n);
/* After n->fair changed in place. */
void shard_fix(struct shard *s, struct heap_node *n);

static inline struct heap_node *shard_first(const struct shard *s)
{
	return order_heap_first(&s->heap);
}

#endif
