/* SPDX-License-Identifier: MIT */
#include "sched/heap.h"
#include "core/mem.h"

static void put_at(struct order_heap *h, int32_t i, struct heap_node *n)
{
	h->node[i] = n;
	n->place = i;
}

static void sift_up(struct order_heap *h, int32_t i, struct heap_node *n)
{
	while (i > 0) {
		int32_t parent = (i - 1) / 2;
		if (!fair_before(&n->fair, &h->node[parent]->fair))
			break;
		put_at(h, i, h->node[parent]);
		i = parent;
	}
	put_at(h, i, n);
}

static void sift_down(struct order_heap *h, int32_t i, struct heap_node *n)
{
	for (;;) {
		int32_t child = 2 * i + 1;
		if (child >= h->count)
			break;
		if (child + 1 < h->count &&
		    fair_before(&h->node[child + 1]->fair, &h->node[child]->fair))
			child++;
		if (!fair_before(&h->node[child]->fair, &n->fair))
			break;
		put_at(h, i, h->node[child]);
		i = child;
	}
	put_at(h, i, n);
}

void order_heap_term(struct order_heap *h)
{
	mem_free(h->node);
	*h = (struct order_heap){0};
}

void order_heap_push(struct order_heap *h, struct heap_node *n)
{
	debug_ensure(n->place == -1);
	if (h->count == h->room) {
		h->room = h->room ? h->room * 2 : 64;
		h->node = mem_realloc(h->node, (size_t)h->room * sizeof(h->node[0]));
	}
	sift_up(h, h->count++, n);
}

struct heap_node *order_heap_first(const struct order_heap *h)
{
	return h->count ? h->node[0] : NULL;
}

struct heap_node *order_heap_pop(struct order_heap *h)
{
	struct heap_node *first = order_heap_first(h);
	if (first)
		order_heap_remove(h, first);
	return first;
}

void order_heap_remove(struct order_heap *h, struct heap_node *n)
{
	int32_t i = n->place;
	debug_ensure(i >= 0 && i < h->count && h->node[i] == n);
	struct heap_node *last = h->node[--h->count];
	n->place = -1;
	if (last == n)
		return;
	put_at(h, i, last);
	order_heap_fix(h, last);
}

/* In the part of the heap below place i. Whoever does not go before `f` has nobody below who does.
 */
static int count_before(const struct order_heap *h, int32_t i, const struct fair *f, int most)
{
	if (most <= 0 || i >= h->count || !fair_before(&h->node[i]->fair, f))
		return 0;
	int n = 1;
	n += count_before(h, 2 * i + 1, f, most - n);
	n += count_before(h, 2 * i + 2, f, most - n);
	return n;
}

int order_heap_before(const struct order_heap *h, const struct fair *f, int most)
{
	return count_before(h, 0, f, most);
}

void order_heap_fix(struct order_heap *h, struct heap_node *n)
{
	int32_t i = n->place;
	if (i > 0 && fair_before(&n->fair, &h->node[(i - 1) / 2]->fair))
		sift_up(h, i, n);
	else
		sift_down(h, i, n);
}

bool order_heap_is_valid(const struct order_heap *h)
{
	for (int32_t i = 0; i < h->count; i++) {
		if (h->node[i]->place != i)
			return false;
		if (i > 0 && fair_before(&h->node[i]->fair, &h->node[(i - 1) / 2]->fair))
			return false;
	}
	return true;
}
