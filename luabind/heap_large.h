/* SPDX-License-Identifier: MIT
 *
 * The heap's blocks beyond SMALL_BYTES. They come from the system with a link in front of them, so
 * that all of them can be found.
 *
 * Whether a block is small follows from the size that LuaJIT hands back with it. That leaves one
 * trap: a large block that is asked to become a small one while the system has no memory for a span
 * must stay where it is (LuaJIT's collector cannot fail), with a size that says "small". Such
 * blocks wait on the ring `misfits`, which is looked at first while it is not empty.
 *
 * Only heap.c uses this. Owner of the heap only, but for heap_large_held_bytes().
 */
#ifndef LUABIND_HEAP_LARGE_H
#define LUABIND_HEAP_LARGE_H

#include "core/atomics.h"
#include "core/base.h"
#include "luabind/heap_ring.h"

/* The owner writes; any thread reads `held_bytes`. */
struct heap_large {
	struct ring blocks, misfits;
	size_t count; /* on both rings */
	_Atomic size_t held_bytes;
};

/* Empty; forgets whatever was there. */
void heap_large_init(struct heap_large *l);
/* Frees every block. Needs heap_large_init() before it can be used again. */
void heap_large_release(struct heap_large *l);

/* Aligned to 16. NULL: the system has no memory. */
void *heap_large_alloc(struct heap_large *l, size_t bytes);
/* `bytes`: what the block was last asked for, as in all below. */
void heap_large_free(struct heap_large *l, void *block, size_t bytes);
/* NULL: the system has no memory, and the block is as it was. Shrinking never fails. */
void *heap_large_realloc(struct heap_large *l, void *block, size_t old_bytes, size_t new_bytes);

/* The block stays where it is with a size that says "small"; fine for one that is a misfit. */
void heap_large_make_misfit(struct heap_large *l, void *block, size_t old_bytes, size_t new_bytes);
/* Is this a block of ours although its size says "small"? The block may be anyone's. */
bool heap_large_is_misfit(const struct heap_large *l, const void *block);

static inline bool heap_large_has_misfits(const struct heap_large *l)
{
	return !ring_is_empty(&l->misfits);
}

/* What the system gave, links included. Any thread. */
static inline size_t heap_large_held_bytes(const struct heap_large *l)
{
	return load_relaxed(&l->held_bytes);
}

#endif
