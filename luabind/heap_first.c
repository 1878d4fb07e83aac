/* SPDX-License-Identifier: MIT */
#include "luabind/heap_first.h"

#include "core/mem.h"
#include <string.h>
#include <sys/mman.h>

enum { PAGE_BYTES = 4096 };

#define NONE UINT16_MAX

_Static_assert(FIRST_BYTES / FIRST_UNIT_BYTES < NONE, "a place fits into 16 bits");
_Static_assert(FIRST_CLASSES - 1 <= 64, "a bit for each class");

PARKABLE static uint64_t bit_of(size_t class)
{
	return 1ull << (class - 1);
}

PARKABLE static void put(struct heap_first *f, char *block, size_t class)
{
	memcpy(block, &f->free[class], sizeof(f->free[class]));
	f->free[class] = (uint16_t)((size_t)(block - f->start) / FIRST_UNIT_BYTES);
	f->filled |= bit_of(class);
}

/* The list must not be empty. */
PARKABLE static char *take(struct heap_first *f, size_t class)
{
	char *block = f->start + (size_t)f->free[class] * FIRST_UNIT_BYTES;
	memcpy(&f->free[class], block, sizeof(f->free[class]));
	if (f->free[class] == NONE)
		f->filled &= ~bit_of(class);
	return block;
}

PARKABLE static void *take_fresh(struct heap_first *f, size_t bytes)
{
	size_t fresh = load_relaxed(&f->fresh_bytes);
	f->full = f->start == NULL || fresh + bytes > FIRST_BYTES;
	if (f->full)
		return NULL;
	store_relaxed(&f->fresh_bytes, fresh + bytes);
	return f->start + fresh;
}

PARKABLE void *heap_first_alloc(struct heap_first *f, size_t bytes)
{
	if (f->full)
		return NULL;
	size_t class = heap_first_class(bytes);
	if (UNLIKELY(class >= FIRST_CLASSES))
		return take_fresh(f, class * FIRST_UNIT_BYTES);
	uint64_t large_enough = f->filled & ~(bit_of(class) - 1);
	if (large_enough) {
		size_t found = (size_t)__builtin_ctzll(large_enough) + 1;
		char *block = take(f, found);
		if (found > class)
			put(f, block + class * FIRST_UNIT_BYTES, found - class);
		return block;
	}
	return take_fresh(f, class * FIRST_UNIT_BYTES);
}

PARKABLE void heap_first_free(struct heap_first *f, void *block, size_t bytes)
{
	if (f->full)
		return;
	char *at = block;
	size_t class = heap_first_class(bytes);
	for (; UNLIKELY(class >= FIRST_CLASSES); class -= FIRST_CLASSES - 1, at += FIRST_BLOCK_BYTES)
		put(f, at, FIRST_CLASSES - 1);
	if (class)
		put(f, at, class);
}

void heap_first_init(struct heap_first *f)
{
	f->start = mem_try_aligned(PAGE_BYTES, FIRST_BYTES);
	store_relaxed(&f->fresh_bytes, 0);
	f->full = false;
	f->most_bytes = FIRST_BLOCK_BYTES;
	f->filled = 0;
	memset(f->free, 0xff, sizeof(f->free)); /* NONE */
}

bool heap_first_init_image(struct heap_first *f)
{
	heap_first_init(f);
	if (f->start == NULL)
		return false;
	memset(f->start, 0, FIRST_BYTES);
	f->most_bytes = FIRST_BYTES;
	return true;
}

/* One call instead of a fault for each page; older kernels refuse, and then there are the faults. Pages that an idle service
 * never reaches stay away. Huge pages were tried: now and then one costs the kernel more than it saves in a hundred starts. */
static void touch(char *start, size_t bytes)
{
#ifdef MADV_POPULATE_WRITE
	madvise(start, (bytes + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1), MADV_POPULATE_WRITE);
#else
	(void)start;
	(void)bytes;
#endif
}

bool heap_first_copy(struct heap_first *f, const struct heap_first *from)
{
	size_t bytes = load_relaxed(&from->fresh_bytes);
	heap_first_init(f);
	if (f->start == NULL)
		return false;
	touch(f->start, bytes);
	memcpy(f->start, from->start, bytes);
	memcpy(f->free, from->free, sizeof(f->free));
	f->filled = from->filled;
	store_relaxed(&f->fresh_bytes, bytes);
	return true;
}

void heap_first_release(struct heap_first *f)
{
	mem_free(f->start);
	f->start = NULL;
	f->filled = 0;
	store_relaxed(&f->fresh_bytes, 0);
}
