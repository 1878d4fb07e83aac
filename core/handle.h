/* SPDX-License-Identifier: MIT
 *
 * Handles: the 32-bit numbers by which services are addressed. The top 8 bits (skynet's harbor) are
 * always 0; the low 24 count up from 1 and wrap, skipping those in use, so a number comes again
 * only after sixteen million others: the bits above a slot's own act as its generation.
 *
 * Finding the object behind a handle takes no lock, because it is on the path of every message.
 * What makes this safe is that objects are type-stable: their memory is recycled, never given back,
 * so that a late reader may look at one that died. See handle.c for why it cannot take a wrong one.
 */
#ifndef CORE_HANDLE_H
#define CORE_HANDLE_H

#include "core/base.h"
#include "core/atomics.h"

#define HANDLE_MAX 0xffffffu

/* First member of what a handle names. Its address must be a type-stable object's for ever. */
struct object {
	/* Everybody, CAS only: the handle under which it is listed (0: none) << 32 | references.
	 * One word, so that a reference can be taken on condition that the handle is still this
	 * one. */
	_Atomic uint64_t listing;
	/* Set by handle_register, kept after handle_retire for messages and logs. Whoever holds a
	 * reference may read it. */
	_Atomic uint32_t handle;
};

/* A new or recycled object: one reference, the caller's; no handle. Only when nobody holds one. */
void object_init(struct object *o);
/* +1. Only for a caller that already has a reference. Any thread. */
void object_hold(struct object *o);
/* -1. True when it was the last one: the caller recycles the object. Any thread. */
bool object_release(struct object *o);
/* How many references there are; for tests and displays. Any thread. */
uint32_t object_refs(const struct object *o);

/* Once, before the first use; handle_term frees the tables when no thread uses handles any more. */
void handle_init(void);
void handle_term(void);

/* Lists `o` (initialised, a reference held by the caller) under the next free handle and returns
 * that; the table takes a reference of its own. 0 when all are in use. Any thread; takes a mutex
 * and may allocate. */
uint32_t handle_register(struct object *o);

/* Numbers below `next` are not given out any more, not even after the count wraps (the boot order
 * reserves some). Never goes back. Any thread. */
void handle_skip_to(uint32_t next);

/* The object listed under `handle` with a reference for the caller (object_release), or NULL. Any
 * thread; lock-free; any number is fine. */
struct object *handle_grab(uint32_t handle);

/* The same without a reference: only for objects in type-stable memory, of which only atomics may then be read, and
 * what was read counts only if o->handle is the same afterwards. Any thread; never makes anybody the last holder. */
struct object *handle_peek(uint32_t handle);

/* Takes the handle out of the table: from now on handle_grab says NULL. True for exactly one
 * caller, which then owns the table's reference and must release it. Any thread; takes a mutex. */
bool handle_retire(uint32_t handle);

/* How many handles are listed. Any thread; lock-free. */
uint32_t handle_count(void);

/* Writes the listed handles to `out` in ascending order and returns how many exist; when that is
 * more than `max`, only some of them are written: come back with more room. Handles that come or go
 * during the call may be missing or in it. Any thread, the monitor too: no lock, no allocation. */
size_t handle_list(uint32_t *out, size_t max);

#endif
