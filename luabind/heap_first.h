/* SPDX-License-Identifier: MIT
 *
 * The first blocks of a heap: what a VM and the library take when a service starts. They come from one piece of
 * FIRST_BYTES, one behind the other, so that ten thousand idle services have no half empty cells and no pages for
 * each size; pages of the piece that are never reached cost nothing.
 *
 *     start                              fresh            end
 *     | used | free | used | used | ... | never given out |
 *
 * A free block waits in the list of its size, is given out again for that size, or is split for a smaller one. Nothing
 * is joined, and the piece goes when the heap goes. Once it is full nothing comes from it any more, but from heap_small and
 * heap_large: a program that allocates much is a tenth slower when it has to look here too. Whose a block is follows
 * from its address.
 *
 * Only heap.c uses this. Owner of the heap only, but for heap_first_held_bytes().
 */
#ifndef LUABIND_HEAP_FIRST_H
#define LUABIND_HEAP_FIRST_H

#include "core/atomics.h"
#include "core/base.h"

/* A service that has loaded the library and done nothing else fills three quarters of it. The mould must fit too. */
#define FIRST_BYTES	  (160 * 1024)
#define FIRST_UNIT_BYTES  16
#define FIRST_BLOCK_BYTES 1024 /* the most that is in a list; in an image there are larger blocks too */
#define FIRST_CLASSES	  (FIRST_BLOCK_BYTES / FIRST_UNIT_BYTES + 1) /* class 0 is not used */

struct heap_first {
	char *start;		     /* NULL: there is none */
	_Atomic size_t fresh_bytes;  /* the owner writes; so many have been given out at some time */
	bool full;
	size_t most_bytes; /* larger blocks are not for it */
	uint64_t filled;	     /* one bit for each class but 0: its list is not empty */
	uint16_t free[FIRST_CLASSES]; /* first of the free blocks, in units from the start; NONE */
};

/* Takes the piece, or leaves it at none when the system has no memory. */
void heap_first_init(struct heap_first *f);
/* Takes a piece, all zeros, for blocks of any size. false: the system has no memory. */
bool heap_first_init_image(struct heap_first *f);
/* Takes a piece and makes it what `from` is, but for the place. false: the system has no memory. */
bool heap_first_copy(struct heap_first *f, const struct heap_first *from);
/* Gives it back with every block. */
void heap_first_release(struct heap_first *f);

/* 1 .. `most_bytes`, aligned to 16. NULL: not from here. */
void *heap_first_alloc(struct heap_first *f, size_t bytes);
/* `bytes`: at most what it was asked for. */
void heap_first_free(struct heap_first *f, void *block, size_t bytes);

static inline bool heap_first_owns(const struct heap_first *f, const void *block)
{
	/* Without a piece too: nothing lies that near to address 0. */
	return (uintptr_t)block - (uintptr_t)f->start < FIRST_BYTES;
}

static inline size_t heap_first_class(size_t bytes)
{
	return (bytes + FIRST_UNIT_BYTES - 1) / FIRST_UNIT_BYTES;
}

/* What has been reached of the piece. Any thread. */
static inline size_t heap_first_held_bytes(const struct heap_first *f)
{
	return load_relaxed(&f->fresh_bytes);
}

#endif
