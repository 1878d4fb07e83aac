/* SPDX-License-Identifier: MIT
 *
 * Where each key of a config file stands. Lua forgets that: an evaluated table has neither lines
 * nor the order of its keys, and both matter to the user (the error names a line, the first service
 * rule that matches wins). So beside LuaJIT's run a light pass over the tokens notes every key that
 * is spelled out, and after the run the tree's keys are looked up here. A key that is computed
 * (`[name .. "1"]`) or built in a local table is not found; then its nearest known ancestor stands
 * in.
 *
 * A key's place is known by a 64-bit hash of its path ("service", "battle", "slice"), not by the
 * path itself: a collision could only mislead about a line number.
 */
#ifndef LUABIND_LUAKEYS_H
#define LUABIND_LUAKEYS_H

#include "core/base.h"

/* Owned by one thread, as is all in here. */
struct luakeys;

typedef uint64_t luakeys_path;

#define LUAKEYS_ROOT ((luakeys_path)14695981039346656037ull)

luakeys_path luakeys_child(luakeys_path parent, const char *key, size_t length);
/* A numeric key, or the position of an item without a key. */
luakeys_path luakeys_item(luakeys_path parent, double index);

struct luakeys_spot {
	int unit;      /* which text, as given to luakeys_scan */
	int line;      /* of the key's token */
	size_t order;  /* grows from the first key of the text to the last, includes in their place
			*/
	uint32_t root; /* the assignment that it belongs to */
};

/* For a root that was not found: nothing belongs to it. */
#define LUAKEYS_NO_SPOT ((struct luakeys_spot){0, 0, SIZE_MAX, UINT32_MAX - 1})

struct luakeys *luakeys_new(void);
void luakeys_free(struct luakeys *k);

/* Notes the keys of one text. `unit` is the caller's number for it, each used once. Its keys come,
 * in order, where the text `from_unit` includes it: after that one's keys up to `from_line`. For
 * the first text, from_unit is -1. */
void luakeys_scan(struct luakeys *k, int unit, const char *text, size_t size_bytes, int from_unit,
		  int from_line);
/* After the last scan, before the first look-up. */
void luakeys_finish(struct luakeys *k);

/* The top-level key that an assignment executed in `unit`, at `line`, was written to: the last one
 * not below that line. False: not found, `*out` is untouched. */
bool luakeys_find_root(const struct luakeys *k, luakeys_path path, int unit, int line,
		       struct luakeys_spot *out);
/* A key inside the table assigned at `root`, or set later with `service.name = ...`. */
bool luakeys_find_inner(const struct luakeys *k, luakeys_path path, const struct luakeys_spot *root,
			struct luakeys_spot *out);

#endif
