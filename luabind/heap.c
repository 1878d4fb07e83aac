/* SPDX-License-Identifier: MIT
 *
 * How the memory is laid out. Blocks up to SMALL_BYTES come from spans: SPAN_BYTES each, aligned to
 * their size, so that the span of a block is found by masking its address. A span is cut into cells
 * of 1 KB; a cell serves one size class at a time and, once its blocks are all free, any class
 * again. The span's header lies in its first cell, whose blocks start behind it. Larger blocks come
 * from the system with a link in front of them, so that all of them can be found.
 *
 *     heap -> open[class] -> cells of the class with a free block
 *          -> spans: a ring, those with a free cell first, the full ones last
 *          -> large: ring of links, each followed by its block
 *
 * Whether a block is small follows from the size that LuaJIT hands back with it, its class from its
 * cell. That leaves one trap: a large block that is asked to become a small one while the system
 * has no memory for a span must stay where it is (LuaJIT's collector cannot fail), with a size that
 * says "small". Such blocks wait on the ring `misfits`, which is looked at first while it is not
 * empty.
 *
 * A free block's first two bytes hold the place of the next free one, in units of 16 bytes from the
 * span's start; place 0 is the header, so it ends the list. Blocks never used yet are not linked:
 * `fresh` counts them off, so that a new span's pages stay untouched until they are needed.
 */
#include "luabind/heap.h"

#include "core/atomics.h"
#include "core/mem.h"
#include <string.h>

#define UNIT_BYTES  16
#define SMALL_BYTES 256
#define CLASSES     (SMALL_BYTES / UNIT_BYTES + 1) /* class 0 is not used */
/* Larger spans (8, 16 KB) are no faster and leave more of the last one unused: 4 KB of a bare VM.
 */
#ifndef SPAN_BYTES
#define SPAN_BYTES 4096
#endif
#ifndef CELL_BYTES
#define CELL_BYTES 1024
#endif
#define CELLS (SPAN_BYTES / CELL_BYTES)

struct ring {
	struct ring *next, *prev;
};

struct cell {
	struct ring in_class; /* first: a ring pointer is a cell pointer. Linked while `open` */
	uint16_t free_place;  /* first of the freed blocks, 0: none */
	uint16_t fresh_place; /* first of the blocks never used */
	uint8_t fresh;        /* how many of those */
	uint8_t used;
	uint8_t class;
};

struct span {
	struct ring in_heap; /* first */
	struct heap *heap;
	uint32_t free_cells; /* one bit each */
	struct cell cell[CELLS];
};

#define ALL_CELLS    ((uint32_t)((1ull << CELLS) - 1))
#define HEADER_BYTES ((sizeof(struct span) + UNIT_BYTES - 1) / UNIT_BYTES * UNIT_BYTES)

_Static_assert(sizeof(struct ring) == UNIT_BYTES, "a link in front keeps blocks aligned");
_Static_assert(HEADER_BYTES + SMALL_BYTES <= CELL_BYTES, "the first cell fits any class");

struct heap {
	/* The owner writes, with plain loads and stores of its own; any thread reads. */
	_Atomic size_t used_bytes, peak_bytes, held_bytes;
	/* Any thread writes. */
	_Atomic size_t limit_bytes;
	_Atomic ptrdiff_t foreign_bytes;
	/* The rest is the owner's. */
	uintptr_t stack_floor;
	struct ring open[CLASSES];
	uint32_t cells[CLASSES]; /* how many serve the class */
	struct ring spans;
	struct ring large, misfits;
	size_t large_count, span_count;
};

static void ring_init(struct ring *r)
{
	r->next = r->prev = r;
}

static bool ring_is_empty(const struct ring *r)
{
	return r->next == r;
}

static void ring_insert_after(struct ring *at, struct ring *r)
{
	r->next = at->next;
	r->prev = at;
	at->next->prev = r;
	at->next = r;
}

static void ring_remove(struct ring *r)
{
	r->prev->next = r->next;
	r->next->prev = r->prev;
}

/* For figures with one writer: no locked instruction. */
static void bump(_Atomic size_t *figure, size_t plus, size_t minus)
{
	store_relaxed(figure, load_relaxed(figure) + plus - minus);
}

static size_t class_of(size_t bytes)
{
	return (bytes + UNIT_BYTES - 1) / UNIT_BYTES;
}

static struct span *span_of(const void *block)
{
	return (struct span *)((uintptr_t)block & ~(uintptr_t)(SPAN_BYTES - 1));
}

static struct cell *cell_of(const void *block)
{
	size_t offset = (uintptr_t)block & (SPAN_BYTES - 1);
	return &span_of(block)->cell[offset / CELL_BYTES];
}

static void *block_at(struct span *s, size_t place)
{
	return (char *)s + place * UNIT_BYTES;
}

static struct span *span_add(struct heap *h)
{
	struct span *s = mem_try_aligned(SPAN_BYTES, SPAN_BYTES);
	if (s == NULL)
		return NULL;
	s->heap = h;
	s->free_cells = ALL_CELLS;
	h->span_count++;
	bump(&h->held_bytes, SPAN_BYTES, 0);
	ring_insert_after(&h->spans, &s->in_heap);
	return s;
}

/* None is kept in reserve: a page goes to the thread's cache in jemalloc and comes back from there
 * just as fast, while one page for each of ten thousand idle VMs would be 40 MB. */
static void span_remove(struct heap *h, struct span *s)
{
	ring_remove(&s->in_heap);
	h->span_count--;
	bump(&h->held_bytes, 0, SPAN_BYTES);
	mem_free(s);
}

static struct cell *cell_open(struct heap *h, size_t class)
{
	struct span *s = (struct span *)h->spans.next;
	if (&s->in_heap == &h->spans || s->free_cells == 0)
		s = span_add(h);
	if (UNLIKELY(s == NULL))
		return NULL;

	unsigned i = (unsigned)__builtin_ctz(s->free_cells);
	s->free_cells &= s->free_cells - 1;
	if (s->free_cells == 0) {
		ring_remove(&s->in_heap);
		ring_insert_after(h->spans.prev, &s->in_heap);
	}
	size_t start = i == 0 ? HEADER_BYTES : i * (size_t)CELL_BYTES;
	size_t end = (i + 1) * (size_t)CELL_BYTES;
	struct cell *c = &s->cell[i];
	c->class = (uint8_t) class;
	c->used = 0;
	c->free_place = 0;
	c->fresh_place = (uint16_t)(start / UNIT_BYTES);
	c->fresh = (uint8_t)((end - start) / (class * UNIT_BYTES));
	ring_insert_after(&h->open[class], &c->in_class);
	h->cells[class]++;
	return c;
}

static void cell_emptied(struct heap *h, struct span *s, struct cell *c)
{
	ring_remove(&c->in_class);
	h->cells[c->class]--;
	if (s->free_cells == 0) {
		ring_remove(&s->in_heap);
		ring_insert_after(&h->spans, &s->in_heap);
	}
	s->free_cells |= 1u << (c - s->cell);
	if (s->free_cells == ALL_CELLS)
		span_remove(h, s);
}

/* A cell with a free block for the class. A class without a cell first fills what other cells of
 * larger blocks have left: a VM has a few blocks of many sizes, and a cell for each costs more than
 * the bytes lost this way. */
static NOINLINE struct cell *cell_find(struct heap *h, size_t class)
{
	for (size_t c = class + 1; h->cells[class] == 0 && c < CLASSES; c++) {
		if (!ring_is_empty(&h->open[c]))
			return (struct cell *)h->open[c].next;
	}
	return cell_open(h, class);
}

static inline void *small_alloc(struct heap *h, size_t class)
{
	struct cell *c = (struct cell *)h->open[class].next;
	if (UNLIKELY(&c->in_class == &h->open[class])) {
		c = cell_find(h, class);
		if (UNLIKELY(c == NULL))
			return NULL;
	}

	void *block;
	if (c->free_place != 0) {
		block = block_at(span_of(c), c->free_place);
		memcpy(&c->free_place, block, sizeof(c->free_place));
	} else {
		block = block_at(span_of(c), c->fresh_place);
		c->fresh_place = (uint16_t)(c->fresh_place + c->class);
		c->fresh--;
	}
	c->used++;
	if (c->free_place == 0 && c->fresh == 0)
		ring_remove(&c->in_class);
	return block;
}

static inline void small_free(struct heap *h, void *block)
{
	struct span *s = span_of(block);
	struct cell *c = cell_of(block);
	debug_ensure(s->heap == h && c->used > 0);

	if (c->free_place == 0 && c->fresh == 0)
		ring_insert_after(&h->open[c->class], &c->in_class);
	memcpy(block, &c->free_place, sizeof(c->free_place));
	c->free_place = (uint16_t)(((uintptr_t)block & (SPAN_BYTES - 1)) / UNIT_BYTES);
	c->used--;
	if (c->used == 0)
		cell_emptied(h, s, c);
}

static struct ring *link_of(void *block)
{
	return (struct ring *)block - 1;
}

static void *large_alloc(struct heap *h, size_t bytes)
{
	struct ring *link = mem_try_alloc(sizeof(*link) + bytes);
	if (link == NULL)
		return NULL;
	ring_insert_after(&h->large, link);
	h->large_count++;
	bump(&h->held_bytes, sizeof(*link) + bytes, 0);
	return link + 1;
}

static void large_free(struct heap *h, void *block, size_t bytes)
{
	struct ring *link = link_of(block);
	ring_remove(link);
	h->large_count--;
	bump(&h->held_bytes, 0, sizeof(*link) + bytes);
	mem_free(link);
}

static void *large_realloc(struct heap *h, void *block, size_t old_bytes, size_t new_bytes)
{
	struct ring *link = mem_try_realloc(link_of(block), sizeof(*link) + new_bytes);
	if (link == NULL && new_bytes > old_bytes)
		return NULL;
	bump(&h->held_bytes, new_bytes, old_bytes);
	if (link == NULL)
		return block;
	link->next->prev = link;
	link->prev->next = link;
	return link + 1;
}

/* A block whose size says "small" although it has a link in front. */
static bool is_misfit(const struct heap *h, const void *block)
{
	for (const struct ring *r = h->misfits.next; r != &h->misfits; r = r->next) {
		if ((const void *)(r + 1) == block)
			return true;
	}
	return false;
}

static bool is_large(const struct heap *h, const void *block, size_t bytes)
{
	return bytes > SMALL_BYTES || UNLIKELY(!ring_is_empty(&h->misfits) && is_misfit(h, block));
}

static void *fresh_block(struct heap *h, size_t bytes)
{
	return bytes <= SMALL_BYTES ? small_alloc(h, class_of(bytes)) : large_alloc(h, bytes);
}

static void drop_block(struct heap *h, void *block, size_t bytes)
{
	if (is_large(h, block, bytes))
		large_free(h, block, bytes);
	else
		small_free(h, block);
}

/* The block cannot move and need not: its size only gets smaller. */
static void *shrink_in_place(struct heap *h, void *block, size_t old_bytes, size_t new_bytes)
{
	if (is_large(h, block, old_bytes)) {
		ring_remove(link_of(block));
		ring_insert_after(&h->misfits, link_of(block));
		bump(&h->held_bytes, new_bytes, old_bytes);
	}
	return block;
}

static void *resize(struct heap *h, void *block, size_t old_bytes, size_t new_bytes)
{
	bool was_large = is_large(h, block, old_bytes);
	if (was_large && old_bytes > SMALL_BYTES && new_bytes > SMALL_BYTES)
		return large_realloc(h, block, old_bytes, new_bytes);
	if (!was_large && class_of(new_bytes) == cell_of(block)->class)
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

/* May the VM's share grow by `more_bytes`, here and now? */
static bool may_grow(const struct heap *h, size_t more_bytes)
{
	size_t limit = load_relaxed(&h->limit_bytes);
	size_t used = load_relaxed(&h->used_bytes);
	if (UNLIKELY((uintptr_t)__builtin_frame_address(0) < h->stack_floor))
		return false;
	if (UNLIKELY(more_bytes > PTRDIFF_MAX / 2))
		return false;
	return limit == 0 || (used <= limit && more_bytes <= limit - used);
}

static void account(struct heap *h, size_t plus, size_t minus)
{
	size_t used = load_relaxed(&h->used_bytes) + plus - minus;
	store_relaxed(&h->used_bytes, used);
	if (used > load_relaxed(&h->peak_bytes))
		store_relaxed(&h->peak_bytes, used);
}

void *heap_alloc(void *heap, void *block, size_t old_bytes, size_t new_bytes)
{
	struct heap *h = heap;
	if (new_bytes == 0) {
		if (block == NULL)
			return NULL;
		drop_block(h, block, old_bytes);
		bump(&h->used_bytes, 0, old_bytes);
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

static void heap_reset(struct heap *h)
{
	for (size_t i = 0; i < CLASSES; i++) {
		ring_init(&h->open[i]);
		h->cells[i] = 0;
	}
	ring_init(&h->spans);
	ring_init(&h->large);
	ring_init(&h->misfits);
	h->large_count = h->span_count = 0;
	store_relaxed(&h->used_bytes, 0);
	store_relaxed(&h->held_bytes, 0);
}

static void free_ring(struct ring *head)
{
	struct ring *next;
	for (struct ring *r = head->next; r != head; r = next) {
		next = r->next;
		mem_free(r);
	}
}

struct heap *heap_new(size_t limit_bytes)
{
	struct heap *h = mem_zalloc(sizeof(*h));
	heap_reset(h);
	heap_set_limit_bytes(h, limit_bytes);
	return h;
}

void heap_release_all(struct heap *h)
{
	free_ring(&h->spans);
	free_ring(&h->large);
	free_ring(&h->misfits);
	heap_reset(h);
}

void heap_delete(struct heap *h)
{
	if (h == NULL)
		return;
	heap_release_all(h);
	mem_free(h);
}

void heap_set_stack_floor(struct heap *h, uintptr_t floor)
{
	h->stack_floor = floor;
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
	return load_relaxed(&h->held_bytes);
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
	return h->large_count;
}

size_t heap_span_count(const struct heap *h)
{
	return h->span_count;
}
