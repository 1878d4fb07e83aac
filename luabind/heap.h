/* SPDX-License-Identifier: MIT
 *
 * The heap of one VM: what lua_newstate allocates from. Three things that malloc does not do:
 *   - a limit, and a count of what the VM holds that any thread may read;
 *   - heap_delete() frees every block that is left, whether or not the VM was closed: a VM
 * abandoned inside LuaJIT's C code never runs lua_close;
 *   - near the end of the C stack it says "no memory", so that endless C recursion (gsub callbacks,
 *     coroutines in coroutines) ends as a clean error of the service.
 *
 * A heap belongs to the thread that runs its service; only what is marked "any thread" may be
 * called by others. A program that allocates spends a good part of its time in here, so this is PARKABLE
 * code: a service may be parked half way through a change of the lists and goes on later. What must not happen
 * then is heap_delete: ask heap_is_busy before a VM is abandoned.
 */
#ifndef LUABIND_HEAP_H
#define LUABIND_HEAP_H

#include "core/base.h"
#include "luabind/heap_first.h"

struct heap;

/* An empty heap that gives out at most `limit_bytes` (0: no limit). Never NULL. Any thread. */
struct heap *heap_new(size_t limit_bytes);
/* Whose it is, for who has nothing but a VM that allocates from it; NULL until it is set. Owner. */
void heap_set_owner(struct heap *h, void *owner);
void *heap_owner(const struct heap *h);
/* From now on the first blocks of an empty heap come from one piece: see heap_first.h. Owner only. */
void heap_add_first(struct heap *h);

/* Images: what was allocated in an empty heap, to be copied into others. Owner only, all of them. */
struct heap_image {
	struct heap_first first; /* its piece is the image's */
	size_t used_bytes;
};

/* From now on all blocks of an empty heap come from one piece, which is all zeros. false: no memory. */
bool heap_begin_image(struct heap *h);
/* Ends that: the heap is empty again, and what was in it is in `out`. false: the piece was too small for it all. */
bool heap_take_image(struct heap *h, struct heap_image *out);
void heap_drop_image(struct heap_image *image);
/* Fills an empty heap with a copy of the image. What points into the image still does so. NULL: no memory, the heap is
 * empty; else where the copy begins. */
char *heap_from_image(struct heap *h, const struct heap_image *image);

/* Frees every block and the heap itself; NULL is fine. Nobody may touch the VM any more. */
void heap_delete(struct heap *h);
/* Frees every block; the heap is empty then and can be used again (limit, floor and peak stay). */
void heap_release_all(struct heap *h);

/* A lua_Alloc, `heap` being a struct heap. `new_bytes` 0 frees. NULL: the limit, the system or the
 * C stack forbids it, and the old block is as it was. Shrinking never fails. Blocks are aligned
 * to 16. `old_bytes` must be what the block was last asked for; it is not looked at when `block` is
 * NULL. */
void *heap_alloc(void *heap, void *block, size_t old_bytes, size_t new_bytes);

/* The address below which no block may grow while code runs on the present C stack: its low end
 * plus what LuaJIT needs to unwind (32 KB). 0: no check. Set before each delivery. Owner. */
void heap_set_stack_floor(struct heap *h, uintptr_t floor);
/* Is the caller below it? */
bool heap_stack_is_low(const struct heap *h);
/* The next growth is refused, as if there were no memory. Owner. */
void heap_refuse_next(struct heap *h);
/* The new limit holds for growth from now on; it may lie below what is in use. Any thread. */
void heap_set_limit_bytes(struct heap *h, size_t limit_bytes);
size_t heap_limit_bytes(const struct heap *h); /* any thread; 0: no limit */

/* Sum of what the VM asked for and still holds, and the most it ever held. Any thread. */
size_t heap_used_bytes(const struct heap *h);
size_t heap_peak_bytes(const struct heap *h);
/* What the system gave for it, headers and free cells included, empty pages in reserve not. Any thread. */
size_t heap_held_bytes(const struct heap *h);

/* Memory that C modules keep for this VM elsewhere (a JSON tree, a socket buffer): reported beside
 * the VM's own bytes, not subject to the limit. `delta_bytes` may be negative. Any thread. */
void heap_add_foreign_bytes(struct heap *h, ptrdiff_t delta_bytes);
size_t heap_foreign_bytes(const struct heap *h); /* any thread */

/* Its service was parked inside heap_alloc: nothing but going on is allowed. For whoever holds the parked
 * service. */
bool heap_is_busy(const struct heap *h);

/* For tests: blocks outside of spans, and spans. Owner. */
size_t heap_large_count(const struct heap *h);
size_t heap_span_count(const struct heap *h);

#endif
