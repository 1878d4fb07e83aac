/* SPDX-License-Identifier: MIT
 *
 * What runq.c, runq_due.c and runq_settings.c share, and nobody else.
 */
#ifndef SCHED_RUNQ_INTERNAL_H
#define SCHED_RUNQ_INTERNAL_H

#include "sched/runq.h"

/* Locks the shard that guards the entry. */
struct shard *runq_lock_entry(struct runq *q, struct runq_entry *e);
/* From the locked shard that guards `e`, which waits nowhere, to another. In between no lock is held, and somebody else
 * may move it on (a change of settings to its group's home, a requeue): the shard that is returned, locked, guards
 * `e`, and need not be `to`. */
struct shard *runq_move(struct runq *q, struct runq_entry *e, struct shard *from, int to);
/* With the lock: `e`, placed, waits from now on. */
void runq_push(struct runq *q, struct shard *s, struct runq_entry *e);
/* With the lock: it waits no more. */
void runq_pull(struct runq *q, struct shard *s, struct runq_entry *e);
/* With the lock of the shard where it waits: it is nobody's follower any more. */
void runq_forget_follower(struct runq *q, struct runq_entry *e);
/* The worker whose service has the latest key of all, later than `key` (NULL: whatever it is); -1: none. */
int runq_find_victim(struct runq *q, const struct fair *key, int64_t now_ns, struct run_view *out);
/* Somebody begins to wait where nobody did: when may the first of those who run have to make room? Not later than that,
 * perhaps sooner; at least `now_ns`. */
int64_t runq_first_due_ns(const struct runq *q, int64_t now_ns);
/* Raises the virtual time. */
void runq_raise_v(struct runq *q, int64_t v_ns);

/* What the queue orders it by. */
static inline struct heap_node *runq_node_of(struct runq_entry *e)
{
	return e->group ? &e->group->node : &e->node;
}

static inline int runq_shard_of(const struct runq *q, int worker)
{
	return q->shards == 1 ? 0 : worker;
}

static inline void runq_unlock(struct shard *s)
{
	lock_release(&s->lock);
}

/* The service whose turn it is at this node of a heap: its own, or a member of the group. With the lock. */
static inline struct runq_entry *runq_first_of(struct heap_node *node)
{
	struct group *g = group_of(node);
	return runq_entry_of(g ? order_heap_first(&g->waiting) : node);
}

/* The group's run time has changed. With its home's lock. */
static inline void runq_fix_group(struct shard *s, struct group *g)
{
	if (g->node.place >= 0)
		shard_fix(s, &g->node);
}

/* Chance without state: the same calls give the same choices, which the simulator needs. */
static inline uint32_t runq_mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)(x >> 33);
}

#endif
