/* SPDX-License-Identifier: MIT
 *
 * The heap's blocks of up to SMALL_BYTES. They come from spans: SPAN_BYTES each, aligned to their
 * size, so that the span of a block is found by masking its address. A span is cut into cells of 1
 * KB; a cell serves one size class at a time and, once its blocks are all free, any class again.
 * The span's header lies in its first cell, whose blocks start behind it.
 *
 *     small -> open[class] -> cells of the class with a free block
 *           -> spans: a ring, those with a free cell first, the full ones last
 *
 * A free block's first two bytes hold the place of the next free one, in units of 16 bytes from the
 * span's start; place 0 is the header, so it ends the list. Blocks never used yet are not linked:
 * `fresh` counts them off, so that a new span's pages stay untouched until they are needed.
 *
 * What runs for nearly every block is inline here; the rest is in heap_small.c. Only heap.c uses
 * this. Owner of the heap only, but for heap_small_held_bytes().
 */
#ifndef LUABIND_HEAP_SMALL_H
#define LUABIND_HEAP_SMALL_H

#include "core/atomics.h"
#include "core/base.h"
#include "luabind/heap_ring.h"
#include <string.h>

#define UNIT_BYTES  16
#define SMALL_BYTES 256
#define CLASSES     (SMALL_BYTES / UNIT_BYTES + 1) /* class 0 is not used */
/* Larger spans (8, 16 KB) are no faster and leave more of the last one unused: 4 KB of a bare VM.
 */
#define SPAN_BYTES 4096
#define CELL_BYTES 1024
#define CELLS      (SPAN_BYTES / CELL_BYTES)

struct cell {
	/* First: a ring pointer is a cell pointer. Linked while the cell has room. */
	struct ring in_class;
	uint16_t free_place;  /* first of the freed blocks, 0: none */
	uint16_t fresh_place; /* first of the blocks never used */
	uint8_t fresh;        /* how many of those */
	uint8_t used;
	uint8_t class;
};

struct span {
	struct ring in_small; /* first */
	struct heap_small *small;
	uint32_t free_cells; /* one bit each */
	struct cell cell[CELLS];
};

/* The owner writes; any thread reads `span_count`. */
struct heap_small {
	struct ring open[CLASSES];
	uint32_t cells[CLASSES]; /* how many serve the class */
	struct ring spans;
	struct ring *reserve; /* empty spans, linked by `next` */
	size_t reserve_count;
	_Atomic size_t span_count; /* without the reserve */
};

/* Empty; forgets whatever was there. */
void heap_small_init(struct heap_small *s);
/* Frees every span. Needs heap_small_init() before it can be used again. */
void heap_small_release(struct heap_small *s);

/* The slow half of heap_small_alloc(): a cell with a free block that the class may use. NULL: the
 * system has no memory. */
struct cell *heap_small_find_cell(struct heap_small *s, size_t class);
/* The slow half of heap_small_free(): the cell's last block has gone, and it stands in open[]. */
void heap_small_drop_cell(struct heap_small *s, struct cell *c);

/* What the system gave, headers and free cells included. Any thread. */
static inline size_t heap_small_held_bytes(const struct heap_small *s)
{
	return load_relaxed(&s->span_count) * SPAN_BYTES;
}

static inline size_t heap_small_class(size_t bytes)
{
	return (bytes + UNIT_BYTES - 1) / UNIT_BYTES;
}

static inline struct span *span_of(const void *inside)
{
	return (struct span *)((uintptr_t)inside & ~(uintptr_t)(SPAN_BYTES - 1));
}

static inline size_t offset_in_span(const void *block)
{
	return (uintptr_t)block & (SPAN_BYTES - 1);
}

static inline struct cell *cell_of(const void *block)
{
	return &span_of(block)->cell[offset_in_span(block) / CELL_BYTES];
}

static inline bool cell_is_full(const struct cell *c)
{
	return c->free_place == 0 && c->fresh == 0;
}

/* Can a block be resized to `bytes` where it is? */
static inline bool heap_small_fits(const void *block, size_t bytes)
{
	return heap_small_class(bytes) == cell_of(block)->class;
}

static inline void *cell_take(struct cell *c)
{
	char *span = (char *)span_of(c);
	void *block;
	if (c->free_place != 0) {
		block = span + (size_t)c->free_place * UNIT_BYTES;
		memcpy(&c->free_place, block, sizeof(c->free_place));
	} else {
		block = span + (size_t)c->fresh_place * UNIT_BYTES;
		c->fresh_place = (uint16_t)(c->fresh_place + c->class);
		c->fresh--;
	}
	c->used++;
	return block;
}

/* A block of 1 .. SMALL_BYTES. NULL: the system has no memory. */
static inline void *heap_small_alloc(struct heap_small *s, size_t bytes)
{
	size_t class = heap_small_class(bytes);
	struct cell *c = (struct cell *)s->open[class].next;
	if (UNLIKELY(&c->in_class == &s->open[class])) {
		c = heap_small_find_cell(s, class);
		if (UNLIKELY(c == NULL))
			return NULL;
	}
	void *block = cell_take(c);
	if (cell_is_full(c))
		ring_remove(&c->in_class);
	return block;
}

static inline void heap_small_free(struct heap_small *s, void *block)
{
	struct cell *c = cell_of(block);
	debug_ensure(span_of(block)->small == s && c->used > 0);
	if (cell_is_full(c))
		ring_insert_after(&s->open[c->class], &c->in_class);
	memcpy(block, &c->free_place, sizeof(c->free_place));
	c->free_place = (uint16_t)(offset_in_span(block) / UNIT_BYTES);
	c->used--;
	if (c->used == 0)
		heap_small_drop_cell(s, c);
}

#endif
