/* SPDX-License-Identifier: MIT
 *
 * The front of the heap: limit and figures, and which part a block belongs to. The first ones lie in one
 * piece (heap_first.h). Later small blocks share pages (heap_small.h), large ones come from the system one
 * by one (heap_large.h); a block that crosses SMALL_BYTES moves from one to the other.
 */
#include "luabind/heap.h"

#include "core/atomics.h"
#include "core/mem.h"
#include "luabind/heap_first.h"
#include "luabind/heap_large.h"
#include "luabind/heap_small.h"
#include <string.h>

struct heap {
	/* The owner writes, with plain loads and stores of its own; any thread reads. */
	_Atomic size_t used_bytes, peak_bytes;
	/* Any thread writes. */
	_Atomic size_t limit_bytes;
	_Atomic ptrdiff_t foreign_bytes;
	/* The owner, between the first and the last step of a change of the lists. */
	_Atomic bool busy;
	/* The rest is the owner's, but for what the parts let any thread read. */
	uintptr_t stack_floor;   /* UINTPTR_MAX: the next growth is refused, */
	uintptr_t floor_after;   /* and then this is the floor again */
	void *owner;
	struct heap_first first;
	struct heap_small small;
	struct heap_large large;
};

PARKABLE static bool is_large(const struct heap *h, const void *block, size_t bytes)
{
	if (bytes > SMALL_BYTES)
		return true;
	return UNLIKELY(heap_large_has_misfits(&h->large)) &&
	       heap_large_is_misfit(&h->large, block);
}

PARKABLE static void *fresh_block(struct heap *h, size_t bytes)
{
	if (!h->first.full && bytes <= h->first.most_bytes) {
		void *block = heap_first_alloc(&h->first, bytes);
		if (block)
			return block;
	}
	return bytes <= SMALL_BYTES ? heap_small_alloc(&h->small, bytes)
				    : heap_large_alloc(&h->large, bytes);
}

PARKABLE static void drop_block(struct heap *h, void *block, size_t bytes)
{
	if (heap_first_owns(&h->first, block))
		heap_first_free(&h->first, block, bytes);
	else if (is_large(h, block, bytes))
		heap_large_free(&h->large, block, bytes);
	else
		heap_small_free(&h->small, block);
}

/* The block cannot move and need not: its size only gets smaller. */
PARKABLE static void *shrink_in_place(struct heap *h, void *block, size_t old_bytes,
				      size_t new_bytes)
{
	/* One of the first blocks then counts as a smaller one. */
	if (!heap_first_owns(&h->first, block) && is_large(h, block, old_bytes))
		heap_large_make_misfit(&h->large, block, old_bytes, new_bytes);
	return block;
}

/* Is the block a fine one for `new_bytes` where it is? */
PARKABLE static bool fits(const struct heap *h, const void *block, size_t old_bytes,
			  size_t new_bytes)
{
	if (heap_first_owns(&h->first, block))
		return heap_first_class(new_bytes) == heap_first_class(old_bytes);
	return !is_large(h, block, old_bytes) && heap_small_fits(block, new_bytes);
}

PARKABLE static void *resize(struct heap *h, void *block, size_t old_bytes, size_t new_bytes)
{
	if (old_bytes > SMALL_BYTES && new_bytes > SMALL_BYTES &&
	    !heap_first_owns(&h->first, block))
		return heap_large_realloc(&h->large, block, old_bytes, new_bytes);
	if (fits(h, block, old_bytes, new_bytes))
		return block;

	void *moved = fresh_block(h, new_bytes);
	if (UNLIKELY(moved == NULL)) {
		if (new_bytes > old_bytes)
			return NULL;
		return shrink_in_place(h, block, old_bytes, new_bytes);
	}
	memcpy(moved, block, old_bytes < new_bytes ? old_bytes : new_bytes);
	drop_block(h, block, old_bytes);
	return moved;
}

/* Below the floor, or this one is to be refused. */
PARKABLE static bool refuse(struct heap *h)
{
	if (h->stack_floor == UINTPTR_MAX)
		h->stack_floor = h->floor_after;
	return false;
}

/* May the VM's share grow by `more_bytes`, here and now? */
PARKABLE static bool may_grow(struct heap *h, size_t more_bytes)
{
	size_t limit = load_relaxed(&h->limit_bytes);
	size_t used = load_relaxed(&h->used_bytes);
	if (UNLIKELY((uintptr_t)__builtin_frame_address(0) < h->stack_floor))
		return refuse(h);
	if (UNLIKELY(more_bytes > PTRDIFF_MAX / 2))
		return false;
	return limit == 0 || (used <= limit && more_bytes <= limit - used);
}

/* One writer: no locked instruction. */
PARKABLE static void account(struct heap *h, size_t plus, size_t minus)
{
	size_t used = load_relaxed(&h->used_bytes) + plus - minus;
	store_relaxed(&h->used_bytes, used);
	if (used > load_relaxed(&h->peak_bytes))
		store_relaxed(&h->peak_bytes, used);
}

PARKABLE static void *change(struct heap *h, void *block, size_t old_bytes, size_t new_bytes)
{
	if (new_bytes == 0) {
		if (block == NULL)
			return NULL;
		drop_block(h, block, old_bytes);
		account(h, 0, old_bytes);
		return NULL;
	}

	if (block == NULL)
		old_bytes = 0;
	if (new_bytes > old_bytes && UNLIKELY(!may_grow(h, new_bytes - old_bytes)))
		return NULL;
	void *result =
		block == NULL ? fresh_block(h, new_bytes) : resize(h, block, old_bytes, new_bytes);
	if (LIKELY(result != NULL))
		account(h, new_bytes, old_bytes);
	return result;
}

PARKABLE void *heap_alloc(void *heap, void *block, size_t old_bytes, size_t new_bytes)
{
	struct heap *h = heap;
	store_relaxed(&h->busy, true);
	atomic_signal_fence(memory_order_seq_cst);
	void *result = change(h, block, old_bytes, new_bytes);
	atomic_signal_fence(memory_order_seq_cst);
	store_relaxed(&h->busy, false);
	return result;
}

bool heap_is_busy(const struct heap *h)
{
	return load_relaxed(&h->busy);
}

static void heap_reset(struct heap *h)
{
	heap_small_init(&h->small);
	heap_large_init(&h->large);
	store_relaxed(&h->used_bytes, 0);
}

struct heap *heap_new(size_t limit_bytes)
{
	struct heap *h = mem_zalloc(sizeof(*h));
	heap_reset(h);
	heap_set_limit_bytes(h, limit_bytes);
	return h;
}

void heap_set_owner(struct heap *h, void *owner)
{
	h->owner = owner;
}

void *heap_owner(const struct heap *h)
{
	return h->owner;
}

void heap_add_first(struct heap *h)
{
	if (h->first.start == NULL)
		heap_first_init(&h->first);
}

bool heap_begin_image(struct heap *h)
{
	return heap_first_init_image(&h->first);
}

bool heap_take_image(struct heap *h, struct heap_image *out)
{
	bool whole = h->large.count == 0 && load_relaxed(&h->small.span_count) == 0;
	out->first = h->first; /* HANDOVER: the piece is the image's */
	out->used_bytes = load_relaxed(&h->used_bytes);
	h->first.start = NULL;
	heap_release_all(h);
	return whole;
}

void heap_drop_image(struct heap_image *image)
{
	heap_first_release(&image->first);
}

char *heap_from_image(struct heap *h, const struct heap_image *image)
{
	if (!heap_first_copy(&h->first, &image->first))
		return NULL;
	account(h, image->used_bytes, 0);
	return h->first.start;
}

void heap_release_all(struct heap *h)
{
	heap_first_release(&h->first);
	heap_small_release(&h->small);
	heap_large_release(&h->large);
	heap_reset(h);
}

void heap_delete(struct heap *h)
{
	if (h == NULL)
		return;
	heap_release_all(h);
	mem_free(h);
}

bool heap_stack_is_low(const struct heap *h)
{
	uintptr_t floor = h->stack_floor == UINTPTR_MAX ? h->floor_after : h->stack_floor;
	return (uintptr_t)__builtin_frame_address(0) < floor;
}

void heap_set_stack_floor(struct heap *h, uintptr_t floor)
{
	h->stack_floor = floor;
}

void heap_refuse_next(struct heap *h)
{
	h->floor_after = h->stack_floor;
	h->stack_floor = UINTPTR_MAX;
}

void heap_set_limit_bytes(struct heap *h, size_t limit_bytes)
{
	store_relaxed(&h->limit_bytes, limit_bytes);
}

size_t heap_limit_bytes(const struct heap *h)
{
	return load_relaxed(&h->limit_bytes);
}

size_t heap_used_bytes(const struct heap *h)
{
	return load_relaxed(&h->used_bytes);
}

size_t heap_peak_bytes(const struct heap *h)
{
	return load_relaxed(&h->peak_bytes);
}

size_t heap_held_bytes(const struct heap *h)
{
	return heap_first_held_bytes(&h->first) + heap_small_held_bytes(&h->small) +
	       heap_large_held_bytes(&h->large);
}

void heap_add_foreign_bytes(struct heap *h, ptrdiff_t delta_bytes)
{
	add_relaxed(&h->foreign_bytes, delta_bytes);
}

size_t heap_foreign_bytes(const struct heap *h)
{
	ptrdiff_t bytes = load_relaxed(&h->foreign_bytes);
	return bytes < 0 ? 0 : (size_t)bytes;
}

size_t heap_large_count(const struct heap *h)
{
	return h->large.count;
}

size_t heap_span_count(const struct heap *h)
{
	return load_relaxed(&h->small.span_count);
}
