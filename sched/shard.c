/* SPDX-License-Identifier: MIT */
#include "sched/shard.h"

#include <string.h>

void shard_init(struct shard *s)
{
	memset(s, 0, sizeof(*s));
	lock_init(&s->lock);
	store_relaxed(&s->first_vd_ns, SHARD_EMPTY);
}

void shard_term(struct shard *s)
{
	order_heap_term(&s->heap);
}

static void publish(struct shard *s)
{
	const struct heap_node *first = shard_first(s);
	int64_t vd_ns = first ? first->fair.vd_ns : SHARD_EMPTY;
	store_relaxed(&s->count, s->heap.count);
	if (load_relaxed(&s->first_vd_ns) != vd_ns)
		store_seq(&s->first_vd_ns, vd_ns);
}

void shard_push(struct shard *s, struct heap_node *n)
{
	order_heap_push(&s->heap, n);
	publish(s);
}

void shard_remove(struct shard *s, struct heap_node *n)
{
	if (s->suspect == n)
		s->suspect = NULL;
	order_heap_remove(&s->heap, n);
	publish(s);
}

void shard_fix(struct shard *s, struct heap_node *n)
{
	order_heap_fix(&s->heap, n);
	publish(s);
}
