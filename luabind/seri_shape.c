/* SPDX-License-Identifier: MIT
 *
 * The shapes of a VM are one table in its registry, made when the first table with keys comes:
 *
 *     [0]           nodes that all shapes have
 *     SHAPE + slot  a shape; its mark says which slot, or the one beside it, if that is taken
 *     MARK + slot   its mark
 *     NEXT + slot   the mark of the last table that had no shape, though there were others in both slots
 *
 * The first tables get one at once. When there is no slot left, or there are NODES_MAX nodes (some 5 KB), a table
 * gets one when it comes again and a shape that was of no use meanwhile makes room (a number at the end of a shape
 * says whether it was). So tables whose keys are never the same cost a number each, and do not push out what is good.
 */
#include "luabind/seri_shape.h"

#include "luabind/seri_reader.h"
#include <lauxlib.h>

/* In the registry. A number, since lua_rawgeti is one call; a negative one, since luaL_ref makes others. */
#define SHAPES_KEY (-24177)
#define NODES_MAX  128
/* Two keys tell most shapes from each other, and each one takes time in every table. */
#define MARK_KEYS 2

enum { SLOTS = 16, SHAPE = 1, MARK = SHAPE + SLOTS, NEXT = MARK + SLOTS, PLACES = NEXT + SLOTS };

/* ---- keys ---- */

/* Names of metamethods are left out: rawtable_put_pair must not have them. */
static PARKABLE bool is_plain_key(const uint8_t *at, const uint8_t *end)
{
	size_t length = *at >> SERI_KIND_BITS;
	return (*at & SERI_KIND_MASK) == SERI_KIND_SHORT && (size_t)(end - at) > length &&
	       !(length >= 2 && at[1] == '_' && at[2] == '_');
}

/* Some bytes of the key do: whoever makes others alike only makes his own tables slow. */
static PARKABLE uint64_t mix(uint64_t mark, const uint8_t *at)
{
	static const uint64_t factor = 0x9e3779b97f4a7c15u;
	size_t length = *at >> SERI_KIND_BITS;
	const uint8_t *text = at + 1;
	uint64_t first = 0, last = 0;
	if (length >= sizeof(first)) {
		memcpy(&first, text, sizeof(first));
		memcpy(&last, text + length - sizeof(last), sizeof(last));
	} else if (length >= sizeof(uint32_t)) {
		memcpy(&first, text, sizeof(uint32_t));
		memcpy(&last, text + length - sizeof(uint32_t), sizeof(uint32_t));
	} else if (length) {
		first = text[0] | (uint64_t)text[length / 2] << 8 | (uint64_t)text[length - 1] << 16;
	}
	return ((mark + first) * factor + last + length) * factor;
}

PARKABLE void seri_keys_begin(struct seri_keys *keys, const uint8_t *at, const uint8_t *end)
{
	uint64_t mark = 0;
	keys->count = 0;
	keys->mark = 0;
	for (int i = 0; i < MARK_KEYS && at < end && (*at & SERI_KIND_MASK) != SERI_KIND_NIL; i++) {
		if (!is_plain_key(at, end))
			return;
		mark = mix(mark, at);
		at += 1 + (*at >> SERI_KIND_BITS);
		size_t bytes = at < end ? seri_body_bytes(at, end) : SIZE_MAX;
		if (bytes >= (size_t)(end - at))
			break; /* a nested table; or the bytes end here */
		at += 1 + bytes;
	}
	keys->mark = (uint32_t)(mark >> 32) | 1;
}

PARKABLE void seri_keys_add(struct seri_keys *keys, const uint8_t *at)
{
	if (keys->count < SERI_SHAPE_KEYS_MAX && is_plain_key(at, at + 1 + SERI_COOKIE_MAX))
		keys->at[keys->count++] = at;
	else
		keys->count = SERI_SHAPE_KEYS_MAX + 1;
}

/* ---- shapes ---- */

static PARKABLE uint32_t slot_of(uint32_t mark)
{
	return (mark >> 1) % SLOTS;
}

static PARKABLE bool has_mark(const struct rawtable *shapes, uint32_t slot, uint32_t mark)
{
	return shapes->array[MARK + slot] == raw_of_number(mark);
}

PARKABLE const struct rawtable *seri_shape_find(lua_State *L, uint32_t mark)
{
	size_t height;
	uint32_t slot = slot_of(mark);
	lua_rawgeti(L, LUA_REGISTRYINDEX, SHAPES_KEY);
	rawvalue *stack = raw_stack(L, &height), *top = &stack[height - 1];
	if (raw_tag(*top) == RAW_TAG_TABLE) {
		const struct rawtable *shapes = raw_object(*top);
		if (has_mark(shapes, slot, mark) || has_mark(shapes, slot ^= 1, mark)) {
			*top = shapes->array[SHAPE + slot];
			return raw_object(*top);
		}
	}
	raw_cut(L, height - 1);
	return NULL;
}

static PARKABLE void set_used(const struct rawtable *shape, bool used)
{
	rawtable_put_number(shape, 1 + 2 * seri_shape_count(shape), used);
}

PARKABLE void seri_shape_fill(const struct rawtable *shape, const struct rawtable *t, const rawvalue *values)
{
	uint32_t count = seri_shape_count(shape);
	const rawvalue *nodes = shape->array + 1 + count;
	for (uint32_t i = 0; i < count; i++)
		rawtable_put_pair(t, shape, (uint32_t)raw_number(nodes[i]), seri_shape_key(shape, i), values[i]);
	set_used(shape, true);
}

/* Pushes the table of all shapes; if there is none, or for `fresh`, an empty one. */
static PARKABLE const struct rawtable *push_shapes(lua_State *L, bool fresh)
{
	if (!fresh) {
		lua_rawgeti(L, LUA_REGISTRYINDEX, SHAPES_KEY);
		if (lua_istable(L, -1))
			return lua_topointer(L, -1);
		lua_pop(L, 1);
	}
	lua_createtable(L, PLACES - 1, 0);
	rawtable_put_number(lua_topointer(L, -1), 0, 0);
	lua_pushvalue(L, -1);
	lua_rawseti(L, LUA_REGISTRYINDEX, SHAPES_KEY);
	return lua_topointer(L, -1);
}

/* Keys, into the hash part and the array of the table on top. One that comes twice has the same node twice, where the later
 * value stays, as it should. */
static PARKABLE void set_keys(lua_State *L, const struct seri_keys *keys)
{
	for (uint32_t i = 0; i < keys->count; i++) {
		const uint8_t *at = keys->at[i];
		lua_pushlstring(L, (const char *)at + 1, *at >> SERI_KIND_BITS);
		lua_pushvalue(L, -1);
		lua_rawseti(L, -3, (int)i + 1);
		lua_pushboolean(L, true);
		lua_rawset(L, -3);
	}
}

static PARKABLE void number_nodes(const struct rawtable *shape, uint32_t count)
{
	rawtable_put_number(shape, 0, count);
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t n = 0; n <= shape->hmask; n++)
			if (shape->node[n].key == seri_shape_key(shape, i))
				rawtable_put_number(shape, 1 + count + i, n);
	set_used(shape, false);
}

static PARKABLE const struct rawtable *push_shape(lua_State *L, const struct seri_keys *keys)
{
	lua_createtable(L, 2 * (int)keys->count + 1, (int)keys->count);
	set_keys(L, keys);
	number_nodes(lua_topointer(L, -1), keys->count);
	return lua_topointer(L, -1);
}

/* The shape in the slot, or NULL. */
static PARKABLE const struct rawtable *shape_in(const struct rawtable *shapes, uint32_t slot)
{
	rawvalue v = shapes->array[SHAPE + slot];
	return raw_tag(v) == RAW_TAG_TABLE ? raw_object(v) : NULL;
}

/* Was the one in the slot of use since this was asked last? */
static PARKABLE bool take_used(const struct rawtable *shapes, uint32_t slot)
{
	const struct rawtable *shape = shape_in(shapes, slot);
	bool used = raw_number(shape->array[1 + 2 * seri_shape_count(shape)]) != 0;
	set_used(shape, false);
	return used;
}

/* Where a shape with this mark, which has not fit, or is not there, may go to. SLOTS: nowhere. There is only one with a mark. */
static PARKABLE uint32_t slot_for(const struct rawtable *shapes, uint32_t mark)
{
	uint32_t slot = slot_of(mark), other = slot ^ 1;
	if (has_mark(shapes, slot, mark))
		return take_used(shapes, slot) ? SLOTS : slot;
	if (has_mark(shapes, other, mark))
		return take_used(shapes, other) ? SLOTS : other;
	if (shape_in(shapes, slot) == NULL)
		return slot;
	if (shape_in(shapes, other) == NULL)
		return other;
	bool slot_used = take_used(shapes, slot), other_used = take_used(shapes, other);
	return !slot_used ? slot : !other_used ? other : SLOTS;
}

/* Puts the shape on top of the stack into the slot of `shapes`, which is below it. */
static PARKABLE void put_shape(lua_State *L, uint32_t slot, uint32_t mark)
{
	const struct rawtable *shape = lua_topointer(L, -1), *shapes = lua_topointer(L, -2), *old = shape_in(shapes, slot);
	double nodes = raw_number(shapes->array[0]) + shape->hmask + 1 - (old ? old->hmask + 1 : 0);
	rawtable_put_number(shapes, 0, nodes);
	rawtable_put_number(shapes, MARK + slot, mark);
	lua_rawseti(L, -2, (int)(SHAPE + slot));
}

PARKABLE void seri_shape_learn(lua_State *L, const struct seri_keys *keys)
{
	if (keys->count > SERI_SHAPE_KEYS_MAX)
		return;
	luaL_checkstack(L, SERI_FRAME_SLOTS, "serialize");
	int before = lua_gettop(L);
	const struct rawtable *shapes = push_shapes(L, false);
	uint32_t slot = slot_for(shapes, keys->mark), next = NEXT + slot_of(keys->mark);
	bool fits = raw_number(shapes->array[0]) + 2 * keys->count <= NODES_MAX;
	bool again = shapes->array[next] == raw_of_number(keys->mark);
	rawtable_put_number(shapes, next, keys->mark);
	if (slot < SLOTS && (again || (fits && shape_in(shapes, slot) == NULL))) {
		if (!fits)
			push_shapes(L, true);
		push_shape(L, keys);
		put_shape(L, slot, keys->mark);
	}
	lua_settop(L, before);
}
