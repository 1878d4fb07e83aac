/* SPDX-License-Identifier: MIT */
#include "luabind/heap_large.h"

#include "core/mem.h"

#define LINK_BYTES sizeof(struct ring)

_Static_assert(LINK_BYTES == 16, "a link in front keeps blocks aligned");

/* One writer: no locked instruction. */
PARKABLE static void count_held(struct heap_large *l, size_t plus, size_t minus)
{
	store_relaxed(&l->held_bytes, load_relaxed(&l->held_bytes) + plus - minus);
}

PARKABLE static struct ring *link_of(void *block)
{
	return (struct ring *)block - 1;
}

PARKABLE void *heap_large_alloc(struct heap_large *l, size_t bytes)
{
	struct ring *link = mem_try_alloc(LINK_BYTES + bytes);
	if (link == NULL)
		return NULL;
	ring_insert_after(&l->blocks, link);
	l->count++;
	count_held(l, LINK_BYTES + bytes, 0);
	return link + 1;
}

PARKABLE void heap_large_free(struct heap_large *l, void *block, size_t bytes)
{
	struct ring *link = link_of(block);
	ring_remove(link);
	l->count--;
	count_held(l, 0, LINK_BYTES + bytes);
	mem_free(link);
}

PARKABLE void *heap_large_realloc(struct heap_large *l, void *block, size_t old_bytes,
				  size_t new_bytes)
{
	struct ring *link = mem_try_realloc(link_of(block), LINK_BYTES + new_bytes);
	if (link == NULL && new_bytes > old_bytes)
		return NULL;
	count_held(l, new_bytes, old_bytes);
	if (link == NULL)
		return block;
	link->next->prev = link;
	link->prev->next = link;
	return link + 1;
}

PARKABLE void heap_large_make_misfit(struct heap_large *l, void *block, size_t old_bytes,
				     size_t new_bytes)
{
	ring_move_to_front(&l->misfits, link_of(block));
	count_held(l, new_bytes, old_bytes);
}

PARKABLE bool heap_large_is_misfit(const struct heap_large *l, const void *block)
{
	for (const struct ring *r = l->misfits.next; r != &l->misfits; r = r->next) {
		if ((const void *)(r + 1) == block)
			return true;
	}
	return false;
}

void heap_large_init(struct heap_large *l)
{
	ring_init(&l->blocks);
	ring_init(&l->misfits);
	l->count = 0;
	store_relaxed(&l->held_bytes, 0);
}

static void free_ring(struct ring *head)
{
	struct ring *next;
	for (struct ring *r = head->next; r != head; r = next) {
		next = r->next;
		mem_free(r);
	}
}

void heap_large_release(struct heap_large *l)
{
	free_ring(&l->blocks);
	free_ring(&l->misfits);
}
