/* SPDX-License-Identifier: MIT
 *
 * Data that all services read without a copy of their own: Lua tables, rebuilt in C once and never changed after. A
 * *tree* is one such build, counted; who reads it holds a reference. A *name* is what trees are published under: an
 * update puts a new tree in its place, and readers go over to it when they like.
 *
 * Trees and names are shared by all threads. A tree needs no lock, since it never changes; what a name has at
 * present is guarded by one lock, held for a few instructions.
 */
#ifndef LUABIND_SHARED_H
#define LUABIND_SHARED_H

#include "core/base.h"
#include <lua.h>

#pragma GCC visibility push(hidden)

enum shared_kind { SHARED_NIL, SHARED_BOOLEAN, SHARED_NUMBER, SHARED_STRING, SHARED_TABLE };

struct shared_value {
	enum shared_kind kind;
	uint32_t size_bytes; /* of a string */
	union {
		bool boolean;
		double number;
		const char *text;
		const struct shared_table *table;
	};
};

struct shared_pair {
	struct shared_value key, value;
};

struct shared_table {
	uint32_t length; /* values 1 to length, in `list` */
	uint32_t room;   /* of `pairs`: 0 or a power of two, never full; a free one has the key NIL */
	const struct shared_value *list;
	const struct shared_pair *pairs;
};

struct shared_tree {
	_Atomic uint32_t references;
	struct shared_chunk *chunks; /* all memory of the tree */
	size_t chunk_left;
	const struct shared_table *top;
};

struct shared_name {
	_Atomic uint32_t references;
	_Atomic uint64_t version; /* of `tree`, from 1 */
	_Atomic bool deleted;     /* there will be no other tree */
	struct shared_tree *tree; /* under the lock */
	struct shared_name *next; /* under the lock, while it is published */
	char text[];
};

/* An empty tree with one reference. Fill it once, by the service that made it: shared_build raises for what cannot be
 * shared, and the caller releases the tree all the same. */
struct shared_tree *shared_tree_new(void);
void shared_build(lua_State *L, struct shared_tree *tree, int index);
void shared_tree_release(struct shared_tree *tree);

/* How many there are. Any thread. */
uint64_t shared_trees(void);

/* The value under the Lua value at `index`; kind NIL when there is none. Never raises. */
struct shared_value shared_get(lua_State *L, const struct shared_table *t, int index);
/* Where the pairs of a table are: 1 to shared_end(t), and not all of them are taken. 0: no such key. */
uint32_t shared_place(lua_State *L, const struct shared_table *t, int index);
uint32_t shared_end(const struct shared_table *t);
/* What is at a place; the key is NIL where nothing is. */
struct shared_pair shared_at(const struct shared_table *t, uint32_t place);

/* Publishes a tree under a name and takes the caller's reference over. With `must_be_new` it is false, and
 * nothing happens, when the name has one already. */
bool shared_publish(const char *name, struct shared_tree *tree, bool must_be_new);
/* False when there is none. Those who read it keep what they have. */
bool shared_delete(const char *name);
/* The name with a reference for the caller; NULL when there is none. */
struct shared_name *shared_find(const char *name);
/* The first name behind this one in the order of bytes, likewise. */
struct shared_name *shared_find_after(const char *name);
void shared_name_release(struct shared_name *n);
/* What the name has at present, with a reference for the caller, and its version. */
struct shared_tree *shared_present(struct shared_name *n, uint64_t *version);

#pragma GCC visibility pop

#endif
