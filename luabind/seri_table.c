/* SPDX-License-Identifier: MIT
 *
 * Tables out of bytes. There are two ways:
 *
 *  - Ahead: the table is made first, and each value is put into it. For long arrays, and for a library whose layout
 *    is not proven.
 *
 *  - Stacked: all values of a table are pushed, then it is made, of the exact size, and they are moved in as they lie in memory
 *    (rawtable.h): in an array by their numbers, in a hash part to where its shape (seri_shape.h) says. Nothing is hashed,
 *    and no key is looked up. It is right for the collector since nothing is allocated between making and filling: until then the
 *    values hang on the stack; the table is as new as a table of the library's own when it gets its first values.
 *    A table of no known shape is made at the same moment, with its array in it; its pairs then come by the API.
 */
#include "luabind/seri_reader.h"
#include "luabind/seri_shape.h"

#include <lauxlib.h>
#include <math.h>

/* Longer arrays would need more of the Lua stack than they save time. */
#define STACKED_MAX 64

/* A table that is being made the stacked way: its values begin at `first` of the stack (counted from 0). */
struct stacked {
	size_t first, length; /* `length` values of the array, then the shape if there is one, then its values */
	int depth;
};

/* How many keys will follow, to spare the table most of its rehashing? Looks at up to 32 pairs, and
 * not beyond a nested table; whatever it says is only a hint. */
static PARKABLE int guess_pairs(const struct seri_reader *r, const uint8_t *at)
{
	int values = 0;
	while (values < 64 && at < r->end) {
		if (*at == seri_head(SERI_KIND_NIL, 0) && values % 2 == 0)
			break;
		size_t bytes = seri_body_bytes(at, r->end);
		if (bytes >= (size_t)(r->end - at)) {
			values++;
			break;
		}
		at += 1 + bytes;
		values++;
	}
	return (values + 1) / 2;
}

/* Reads the length where the first byte of the table does not hold it. */
static PARKABLE const uint8_t *read_length(const struct seri_reader *r, const uint8_t *at, size_t *length)
{
	rawvalue number;
	unsigned form = at < r->end ? *at >> SERI_KIND_BITS : 0;
	if (at == r->end || (*at & SERI_KIND_MASK) != SERI_KIND_NUMBER || form == SERI_FORM_DOUBLE)
		seri_bad_stream(r, at, __LINE__);
	const uint8_t *behind = seri_read_number(at + 1, r->end, form, &number);
	/* Each value has at least one byte. */
	if (behind == NULL || !(raw_number(number) >= 0 && raw_number(number) <= (double)(r->end - behind)))
		seri_bad_stream(r, at, __LINE__);
	*length = (size_t)raw_number(number);
	return behind;
}

/* Numbers from key `*from` on straight into the array of `t`, as far as there are numbers and places; *from: what comes next.
 * Stops before the last bytes: where there is room for any number, it need not be looked at which one it is. */
static PARKABLE const uint8_t *put_numbers(const struct seri_reader *r, const uint8_t *at, const struct rawtable *t, size_t *from,
					   size_t length)
{
	rawvalue number;
	enum { LONGEST = 1 + sizeof(number) };
	size_t places = length < t->asize ? length : t->asize - 1, i = *from;
	for (; i <= places && r->end - at >= LONGEST && (*at & SERI_KIND_MASK) == SERI_KIND_NUMBER; i++) {
		const uint8_t *behind = seri_read_number(at + 1, at + LONGEST, *at >> SERI_KIND_BITS, &number);
		if (behind == NULL)
			break;
		rawtable_put_value(t, (uint32_t)i, number);
		at = behind;
	}
	*from = i;
	return at;
}

/* Values 1 .. length into the table on top. */
static PARKABLE const uint8_t *unpack_array(struct seri_reader *r, const uint8_t *at, size_t length, int depth)
{
	lua_State *L = r->L;
	const struct rawtable *t = r->raw ? lua_topointer(L, -1) : NULL;
	for (size_t i = 1; i <= length; i++) {
		if (t && t->asize)
			at = put_numbers(r, at, t, &i, length);
		if (i > length)
			break;
		at = seri_value(r, at, depth);
		lua_rawseti(L, -2, (int)i);
	}
	return at;
}

/* The pairs, into the table on top; adds their keys to `keys`, which may be NULL. */
static PARKABLE const uint8_t *unpack_pairs(struct seri_reader *r, const uint8_t *at, int depth, struct seri_keys *keys)
{
	lua_State *L = r->L;
	while (!seri_is_nil(r, at)) {
		const uint8_t *key = at;
		at = seri_value(r, at, depth);
		if (keys)
			seri_keys_add(keys, key);
		if (UNLIKELY(*key == seri_head(SERI_KIND_NUMBER, SERI_FORM_DOUBLE)) && isnan(lua_tonumber(L, -1)))
			seri_bad_stream(r, at, __LINE__);
		at = seri_value(r, at, depth);
		lua_rawset(L, -3);
	}
	return at + 1;
}

static PARKABLE const uint8_t *unpack_ahead(struct seri_reader *r, const uint8_t *at, size_t length, int depth)
{
	luaL_checkstack(r->L, SERI_FRAME_SLOTS, "serialize");
	size_t slots = length < r->slots ? length : r->slots;
	r->slots -= slots;
	lua_createtable(r->L, (int)slots, length == 0 ? guess_pairs(r, at) : 0);
	at = unpack_array(r, at, length, depth);
	return unpack_pairs(r, at, depth, NULL);
}

/* ---- stacked ---- */

/* Pushes the table, with the array in it. Returns it: good until something allocates. */
static PARKABLE const struct rawtable *make_table(lua_State *L, const struct stacked *s, int nodes)
{
	size_t height;
	lua_createtable(L, (int)s->length, nodes);
	const rawvalue *stack = raw_stack(L, &height);
	const struct rawtable *t = raw_object(stack[height - 1]);
	rawtable_put_values(t, stack + s->first, s->length);
	return t;
}

/* The table, which is on top, takes the place of its values. */
static PARKABLE void drop_values(lua_State *L, const struct stacked *s)
{
	size_t height;
	rawvalue *stack = raw_stack(L, &height);
	stack[s->first] = stack[height - 1];
	raw_cut(L, s->first + 1);
}

/* Pushes values as long as their keys are those of the shape, which is on top. Notes the keys. */
static PARKABLE const uint8_t *push_shaped(struct seri_reader *r, const uint8_t *at, const struct stacked *s,
					   const struct rawtable *shape, struct seri_keys *keys)
{
	uint32_t count = seri_shape_count(shape);
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *behind = seri_shape_match(shape, i, at, r->end);
		if (behind == NULL)
			break;
		keys->at[keys->count++] = at;
		at = seri_value(r, behind, s->depth);
	}
	return at;
}

/* The table by the API, after `keys->count` pairs of the shape have been pushed. */
static PARKABLE NOINLINE const uint8_t *unpack_unknown(struct seri_reader *r, const uint8_t *at, const struct stacked *s,
						       const struct rawtable *shape, struct seri_keys *keys)
{
	lua_State *L = r->L;
	int matched = (int)keys->count, values = (int)(s->first + s->length) + 2;
	make_table(L, s, matched + guess_pairs(r, at));
	luaL_checkstack(L, SERI_FRAME_SLOTS, "serialize");
	for (int i = 0; i < matched; i++) {
		raw_push(L, seri_shape_key(shape, (uint32_t)i));
		lua_pushvalue(L, values + i);
		lua_rawset(L, -3);
	}
	drop_values(L, s);
	if (keys->mark == 0)
		return unpack_pairs(r, at, s->depth, NULL);
	at = unpack_pairs(r, at, s->depth, keys);
	seri_shape_learn(L, keys);
	return at;
}

static PARKABLE const uint8_t *unpack_stacked_pairs(struct seri_reader *r, const uint8_t *at, const struct stacked *s)
{
	lua_State *L = r->L;
	struct seri_keys keys;
	seri_keys_begin(&keys, at, r->end);
	const struct rawtable *shape = keys.mark ? seri_shape_find(L, keys.mark) : NULL;
	if (shape)
		at = push_shaped(r, at, s, shape, &keys);
	if (shape == NULL || keys.count < seri_shape_count(shape) || !seri_is_nil(r, at))
		return unpack_unknown(r, at, s, shape, &keys);
	const struct rawtable *t = make_table(L, s, (int)shape->hmask + 1);
	size_t height;
	const rawvalue *stack = raw_stack(L, &height);
	seri_shape_fill(shape, t, stack + s->first + s->length + 1);
	drop_values(L, s);
	return at + 1;
}

static PARKABLE const uint8_t *unpack_stacked(struct seri_reader *r, const uint8_t *at, size_t length, int depth)
{
	struct stacked s = {.first = raw_height(r->L), .length = length, .depth = depth};
	for (size_t i = 0; i < length; i++)
		at = seri_value(r, at, depth);
	if (!seri_is_nil(r, at))
		return unpack_stacked_pairs(r, at, &s);
	make_table(r->L, &s, 0);
	drop_values(r->L, &s);
	return at + 1;
}

PARKABLE const uint8_t *seri_unpack_table(struct seri_reader *r, const uint8_t *at, unsigned cookie, int depth)
{
	size_t length = cookie;
	if (cookie == SERI_COOKIE_MAX)
		at = read_length(r, at, &length);
	/* The deepest table may only be empty. */
	if (UNLIKELY(depth > SERI_DEPTH_MAX) && (length || !seri_is_nil(r, at)))
		seri_bad_stream(r, at, __LINE__);
	size_t places = length + SERI_SHAPE_KEYS_MAX + SERI_FRAME_SLOTS;
	if (r->raw && length <= STACKED_MAX && (raw_has_room(r->L, places) || lua_checkstack(r->L, (int)places)))
		return unpack_stacked(r, at, length, depth);
	return unpack_ahead(r, at, length, depth);
}
