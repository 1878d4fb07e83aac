/* SPDX-License-Identifier: MIT
 *
 * Shapes: what the tables of a message have in common with those of the last ones, which is their keys and the order of these on
 * the wire. Making a table key by key costs LuaJIT three times what the rest of it does; of a known shape it is a copy of nodes.
 *
 * A shape is a Lua table that never leaves the VM's registry: in its hash part the keys (each `true`), in its array the number of
 * keys [0], the keys in the order of the wire [1 ..], and behind them, in the same order, the nodes that they are in. So the
 * collector keeps what it needs alive by its own rules, and nothing here has to be freed. Only tables whose keys are all short
 * strings have one.
 *
 * The layout is proven. Thread that runs the VM. PARKABLE.
 */
#ifndef LUABIND_SERI_SHAPE_H
#define LUABIND_SERI_SHAPE_H

#include "luabind/rawtable.h"
#include "luabind/seri_wire.h"

#include <lua.h>

#define SERI_SHAPE_KEYS_MAX 32

/* The keys of one table as they were met, each where its first byte is. */
struct seri_keys {
	uint32_t mark;  /* of the first keys: shapes are found by it; 0: such a table has none */
	uint32_t count; /* more than SERI_SHAPE_KEYS_MAX: too many of them, or no short string among them */
	const uint8_t *at[SERI_SHAPE_KEYS_MAX];
};

/* Sets the mark by looks at the first pairs of a table, which begin at `at`. Counts no key yet. */
void seri_keys_begin(struct seri_keys *keys, const uint8_t *at, const uint8_t *end);
/* Counts the key at `at`, which is a whole value. */
void seri_keys_add(struct seri_keys *keys, const uint8_t *at);

/* Pushes the shape that tables with this mark have had of late, and returns it; NULL: pushes nothing. It must be on the stack
 * as long as it is used. */
const struct rawtable *seri_shape_find(lua_State *L, uint32_t mark);
/* A table with these keys has come, and had no shape. May make one: may raise, for want of memory. */
void seri_shape_learn(lua_State *L, const struct seri_keys *keys);
/* Gives `t` the pairs: the keys of the shape, and `values` in the order of the wire. `t` is as rawtable_put_pair wants it. */
void seri_shape_fill(const struct rawtable *shape, const struct rawtable *t, const rawvalue *values);

static inline PARKABLE uint32_t seri_shape_count(const struct rawtable *shape)
{
	return (uint32_t)raw_number(shape->array[0]);
}

/* Key number `i`, from 0 on. */
static inline PARKABLE rawvalue seri_shape_key(const struct rawtable *shape, uint32_t i)
{
	return shape->array[1 + i];
}

/* memcmp for what keys are, without a call: two loads that may overlap. */
static inline PARKABLE bool seri_same_text(const char *a, const char *b, size_t length)
{
	uint64_t a8, b8, a8_last, b8_last;
	uint32_t a4, b4, a4_last, b4_last;
	if (length > 2 * sizeof(a8))
		return memcmp(a, b, length) == 0;
	if (length >= sizeof(a8)) {
		size_t last = length - sizeof(a8);
		memcpy(&a8, a, sizeof(a8)), memcpy(&a8_last, a + last, sizeof(a8));
		memcpy(&b8, b, sizeof(b8)), memcpy(&b8_last, b + last, sizeof(b8));
		return a8 == b8 && a8_last == b8_last;
	}
	if (length >= sizeof(a4)) {
		size_t last = length - sizeof(a4);
		memcpy(&a4, a, sizeof(a4)), memcpy(&a4_last, a + last, sizeof(a4));
		memcpy(&b4, b, sizeof(b4)), memcpy(&b4_last, b + last, sizeof(b4));
		return a4 == b4 && a4_last == b4_last;
	}
	return length == 0 || (a[0] == b[0] && a[length / 2] == b[length / 2] && a[length - 1] == b[length - 1]);
}

/* Is key number `i` what is at `at`, which may be the end? Returns what is behind it, else NULL. */
static inline PARKABLE const uint8_t *seri_shape_match(const struct rawtable *shape, uint32_t i, const uint8_t *at,
							const uint8_t *end)
{
	if (at == end || (*at & SERI_KIND_MASK) != SERI_KIND_SHORT)
		return NULL;
	size_t length = *at >> SERI_KIND_BITS;
	const struct rawstring *key = raw_object(seri_shape_key(shape, i));
	bool same = key->length == length && (size_t)(end - at) > length && seri_same_text(key->text, (const char *)at + 1, length);
	return same ? at + 1 + length : NULL;
}

#endif
