/* SPDX-License-Identifier: MIT */
#include "luabind/heap_small.h"

#include "core/mem.h"

/* One span in reserve for so many in use. */
#define RESERVE_PART 16
#define ALL_CELLS    ((uint32_t)((1ull << CELLS) - 1))
#define HEADER_BYTES ((sizeof(struct span) + UNIT_BYTES - 1) / UNIT_BYTES * UNIT_BYTES)

_Static_assert(HEADER_BYTES + SMALL_BYTES <= CELL_BYTES, "the first cell fits any class");

/* One writer: no locked instruction. */
PARKABLE static void count_spans(struct heap_small *s, size_t plus, size_t minus)
{
	store_relaxed(&s->span_count, load_relaxed(&s->span_count) + plus - minus);
}

PARKABLE static struct span *span_add(struct heap_small *s)
{
	struct span *span = (struct span *)s->reserve;
	if (span) {
		s->reserve = span->in_small.next;
		s->reserve_count--;
	} else {
		span = mem_try_aligned(SPAN_BYTES, SPAN_BYTES);
		if (span == NULL)
			return NULL;
	}
	span->small = s;
	span->free_cells = ALL_CELLS;
	count_spans(s, 1, 0);
	ring_insert_after(&s->spans, &span->in_small);
	return span;
}

/* A part of them is kept: the system's allocator is code in which nobody can be parked. Of a small heap none is:
 * one page for each of ten thousand idle VMs would be 40 MB. */
PARKABLE static void span_remove(struct heap_small *s, struct span *span)
{
	ring_remove(&span->in_small);
	count_spans(s, 0, 1);
	if (s->reserve_count < load_relaxed(&s->span_count) / RESERVE_PART) {
		span->in_small.next = s->reserve;
		s->reserve = &span->in_small;
		s->reserve_count++;
	} else {
		mem_free(span);
	}
}

/* Takes a free cell of the span, which must have one. */
PARKABLE static struct cell *span_take_cell(struct heap_small *s, struct span *span, size_t class)
{
	unsigned i = (unsigned)__builtin_ctz(span->free_cells);
	span->free_cells &= span->free_cells - 1;
	if (span->free_cells == 0)
		ring_move_to_back(&s->spans, &span->in_small);

	size_t start = i == 0 ? HEADER_BYTES : i * (size_t)CELL_BYTES;
	size_t end = (i + 1) * (size_t)CELL_BYTES;
	struct cell *c = &span->cell[i];
	c->class = (uint8_t) class;
	c->used = 0;
	c->free_place = 0;
	c->fresh_place = (uint16_t)(start / UNIT_BYTES);
	c->fresh = (uint8_t)((end - start) / (class * UNIT_BYTES));
	return c;
}

PARKABLE static struct cell *cell_open(struct heap_small *s, size_t class)
{
	struct span *span = (struct span *)s->spans.next;
	if (&span->in_small == &s->spans || span->free_cells == 0)
		span = span_add(s);
	if (UNLIKELY(span == NULL))
		return NULL;
	struct cell *c = span_take_cell(s, span, class);
	ring_insert_after(&s->open[class], &c->in_class);
	s->cells[class]++;
	return c;
}

PARKABLE void heap_small_drop_cell(struct heap_small *s, struct cell *c)
{
	struct span *span = span_of(c);
	ring_remove(&c->in_class);
	s->cells[c->class]--;
	if (span->free_cells == 0)
		ring_move_to_front(&s->spans, &span->in_small);
	span->free_cells |= 1u << (c - span->cell);
	if (span->free_cells == ALL_CELLS)
		span_remove(s, span);
}

/* A class without a cell first fills what cells of larger blocks have left: a VM has a few blocks
 * of many sizes, and a cell for each costs more than the bytes lost this way. */
NOINLINE PARKABLE struct cell *heap_small_find_cell(struct heap_small *s, size_t class)
{
	for (size_t c = class + 1; s->cells[class] == 0 && c < CLASSES; c++) {
		if (!ring_is_empty(&s->open[c]))
			return (struct cell *)s->open[c].next;
	}
	return cell_open(s, class);
}

void heap_small_init(struct heap_small *s)
{
	for (size_t i = 0; i < CLASSES; i++) {
		ring_init(&s->open[i]);
		s->cells[i] = 0;
	}
	ring_init(&s->spans);
	s->reserve = NULL;
	s->reserve_count = 0;
	store_relaxed(&s->span_count, 0);
}

void heap_small_release(struct heap_small *s)
{
	struct ring *next;
	for (struct ring *r = s->spans.next; r != &s->spans; r = next) {
		next = r->next;
		mem_free(r);
	}
	for (struct ring *r = s->reserve; r != NULL; r = next) {
		next = r->next;
		mem_free(r);
	}
}
