/* SPDX-License-Identifier: MIT
 *
 * A binary heap of services in the order of fair_before, indexed: each member knows its place, so any of
 * them can be taken out. The caller holds the run queue's lock.
 */
#ifndef SCHED_HEAP_H
#define SCHED_HEAP_H

#include "sched/fair.h"

struct heap_node {
	struct fair fair;
	int32_t place; /* in heap.node, -1: not in a heap */
	bool is_group; /* a struct group, else a service's */
};

struct order_heap {
	struct heap_node **node;
	int32_t count, room;
};

void order_heap_term(struct order_heap *h);
/* May allocate (doubling). */
void order_heap_push(struct order_heap *h, struct heap_node *n);
/* The first in order, NULL when empty. */
struct heap_node *order_heap_first(const struct order_heap *h);
struct heap_node *order_heap_pop(struct order_heap *h);
void order_heap_remove(struct order_heap *h, struct heap_node *n);
/* How many of them go before `f`; stops counting at `most`. */
int order_heap_before(const struct order_heap *h, const struct fair *f, int most);
/* After n->fair changed in place. */
void order_heap_fix(struct order_heap *h, struct heap_node *n);
/* Heap order and places; for debug builds and tests. */
bool order_heap_is_valid(const struct order_heap *h);

#endif
