/* SPDX-License-Identifier: MIT
 *
 * Data that all services read without a copy of their own: Lua tables, rebuilt in C once and never changed after. Each
 * table is one block, counted: who points to it (another table, a name, a reader) holds a reference. A *name* is what a
 * table, with all that is in it, is published under: an update puts a new one in its place, and readers go over to it
 * when they like.
 *
 * An update shares with what it replaces all tables that are the same, branches and all: so of two versions there is in
 * memory what they have in common once, and what differs twice. A table is the grain: one value changed makes a new
 * table of that one, and of those that it is in.
 *
 * Tables and names are shared by all threads. A table needs no lock, since it never changes; what a name has at
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
		struct shared_table *table; /* a reference */
	};
};

struct shared_pair {
	struct shared_value key, value;
};

struct shared_table {
	_Atomic uint32_t references;
	uint32_t length; /* values 1 to length, in `list` */
	uint32_t room;   /* of `pairs`: 0 or a power of two, never full; a free one has the key NIL */
	uint32_t count;  /* of pairs */
	uint64_t number; /* of this table, never given twice: an address may be */
	const struct shared_value *list;
	const struct shared_pair *pairs;
	struct shared_table *outer; /* while it is built: see struct shared_draft */
};

/* A build, for whoever must clean up when it raises. */
struct shared_draft {
	struct shared_table *before; /* what it may share with: a reference, or NULL */
	struct shared_table *open;   /* tables that are not finished, the innermost first */
};

struct shared_name {
	_Atomic uint32_t references;
	_Atomic uint64_t version; /* of `top`, from 1 */
	_Atomic bool deleted;     /* there will be no other */
	struct shared_table *top; /* under the lock; a reference */
	struct shared_name *next; /* under the lock, while it is published */
	char text[];
};

/* The table at `index`, built, with a reference for the caller; that of `draft->before` itself when they are the same.
 * Raises for what cannot be shared. Drop the draft in any case. */
struct shared_table *shared_build(lua_State *L, struct shared_draft *draft, int index);
void shared_draft_drop(struct shared_draft *draft);
void shared_release(struct shared_table *t);

/* How many tables there are. Any thread. */
uint64_t shared_tables(void);

/* Between shared.c and shared_build.c. */
/* With one reference, to be filled; `text` is where its text goes. */
struct shared_table *shared_table_new(uint32_t length, uint32_t count, size_t text_bytes, char **text);
/* Whether all that is in them is the same, tables in them as such. */
bool shared_same(const struct shared_table *a, const struct shared_table *b);
/* The string or number at `index` as a key; its text is the Lua string's. NIL: neither. */
struct shared_value shared_key(lua_State *L, int index);
/* 1 to length; 0: no such number, or no number. */
uint32_t shared_list_index(const struct shared_value *key, uint32_t length);
/* Where the key is in `pairs`, or the free one where it would be; room must not be 0. */
uint32_t shared_slot(const struct shared_pair *pairs, uint32_t room, const struct shared_value *key);
/* As shared_place. */
uint32_t shared_place_of(const struct shared_table *t, const struct shared_value *key);

/* The value under the Lua value at `index`; kind NIL when there is none. Never raises. */
struct shared_value shared_get(lua_State *L, const struct shared_table *t, int index);
/* Where the pairs of a table are: 1 to shared_end(t), and not all of them are taken. 0: no such key. */
uint32_t shared_place(lua_State *L, const struct shared_table *t, int index);
uint32_t shared_end(const struct shared_table *t);
/* What is at a place; the key is NIL where nothing is. */
struct shared_pair shared_at(const struct shared_table *t, uint32_t place);

/* Publishes a table under a name and takes the caller's reference over. With `must_be_new` it is false, and
 * nothing happens, when the name has one already. Readers notice nothing when it is the one that is there. */
bool shared_publish(const char *name, struct shared_table *top, bool must_be_new);
/* False when there is none. Those who read it keep what they have. */
bool shared_delete(const char *name);
/* The name with a reference for the caller; NULL when there is none. */
struct shared_name *shared_find(const char *name);
/* The first name behind this one in the order of bytes, likewise. */
struct shared_name *shared_find_after(const char *name);
void shared_name_release(struct shared_name *n);
/* What the name has at present, with a reference for the caller, and its version. */
struct shared_table *shared_present(struct shared_name *n, uint64_t *version);
/* The same by name; NULL when there is none. */
struct shared_table *shared_newest(const char *name);

#pragma GCC visibility pop

#endif
