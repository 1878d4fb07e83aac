/* SPDX-License-Identifier: MIT
 *
 * A ring of links with a head that is one of them, for the parts of the heap. Owner of the heap
 * only.
 */
#ifndef LUABIND_HEAP_RING_H
#define LUABIND_HEAP_RING_H

#include "core/base.h"

struct ring {
	struct ring *next, *prev;
};

static inline void ring_init(struct ring *r)
{
	r->next = r->prev = r;
}

static inline bool ring_is_empty(const struct ring *r)
{
	return r->next == r;
}

static inline void ring_insert_after(struct ring *at, struct ring *r)
{
	r->next = at->next;
	r->prev = at;
	at->next->prev = r;
	at->next = r;
}

static inline void ring_remove(struct ring *r)
{
	r->prev->next = r->next;
	r->next->prev = r->prev;
}

/* Both move a link that is in a ring, of this head or another. The place is looked up after the
 * link has left: it may be its own neighbour. */
static inline void ring_move_to_front(struct ring *head, struct ring *r)
{
	ring_remove(r);
	ring_insert_after(head, r);
}

static inline void ring_move_to_back(struct ring *head, struct ring *r)
{
	ring_remove(r);
	ring_insert_after(head->prev, r);
}

#endif
