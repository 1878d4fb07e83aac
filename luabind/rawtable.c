/* SPDX-License-Identifier: MIT
 *
 * The two searches, and the proof that the layout in rawtable.h is the library's.
 *
 * The VM of the proof lives in one piece of memory, its arena, from which nothing is given back. So every address that is
 * about to be followed can be checked first (`in_arena`), and a library with another layout is found out instead of
 * crashing the process.
 */
#include "luabind/rawtable.h"

#include <lauxlib.h>
#include <lualib.h>
#include <math.h>
#include <stdlib.h>

struct rawtable_layout rawtable_layout;

PARKABLE uint32_t rawtable_border(const struct rawtable *t)
{
	uint32_t high = t->asize;
	if (high)
		high--;
	if (high == 0 || t->array[high] != RAW_NIL)
		return high;
	/* LuaJIT's own search, so that `#` and this name the same one of several borders. */
	uint32_t low = 0;
	while (high - low > 1) {
		uint32_t middle = (low + high) / 2;
		if (t->array[middle] == RAW_NIL)
			high = middle;
		else
			low = middle;
	}
	return low;
}

PARKABLE bool rawtable_has_key(const struct rawtable *t, const char *text, uint32_t length)
{
	for (uint32_t i = 0; i <= t->hmask; i++) {
		const struct rawnode *n = &t->node[i];
		if (n->value == RAW_NIL || raw_is_number(n->key) || raw_tag(n->key) != RAW_TAG_STRING)
			continue;
		const struct rawstring *s = raw_object(n->key);
		if (s->length == length && memcmp(s->text, text, length) == 0)
			return true;
	}
	return false;
}

void rawtable_distrust(void)
{
	rawtable_layout.proven = false;
}

/* ---- the arena ---- */

#define ARENA_BYTES ((size_t)8 << 20)

static struct {
	char *start;
	size_t used;
} arena;

static void *arena_alloc(void *unused, void *block, size_t old_bytes, size_t new_bytes)
{
	(void)unused;
	if (new_bytes <= old_bytes && block)
		return new_bytes ? block : NULL;
	size_t rounded = (new_bytes + 15) / 16 * 16;
	if (rounded < new_bytes || rounded > ARENA_BYTES - arena.used)
		return NULL;
	char *fresh = arena.start + arena.used;
	arena.used += rounded;
	if (block)
		memcpy(fresh, block, old_bytes);
	return fresh;
}

static bool in_arena(const void *at, size_t bytes)
{
	uintptr_t start = (uintptr_t)arena.start, from = (uintptr_t)at;
	return from >= start && from - start <= ARENA_BYTES && bytes <= ARENA_BYTES - (from - start);
}

/* ---- samples ---- */

/* A list of tables: array parts of all sizes, built, grown and with holes; hash parts, also after deletions; all types
 * as values and as keys. */
static const char samples[] =
	"jit.off()\n"
	"local list = {}\n"
	"local function add(t) list[#list + 1] = t return t end\n"
	"local function each(n, f) local t = add {} for i = 1, n do f(t, i) end return t end\n"
	"add {}  add {1}  add {nil, 2}  add {1, nil, 3}  add {1, 2, 3, nil}  add {nil, nil, nil}\n"
	"add {'', 'a', ('x'):rep(70000), 'zero\\0inside', true, false, 1.5, -0.0, 1/0, -1/0, 0/0, 2^53, -1, 0}\n"
	"add {{}, {1}, print, function() end, coroutine.create(print), newproxy(true), io.stdout}\n"
	"for n = 1, 40 do\n"
	"  each(n, function(t, i) t[i] = i end)\n"
	"  each(n, function(t, i) t['key' .. i] = i end)\n"
	"  local t = each(n, function(t, i) t[i] = 'v' .. i t['k' .. i] = {i} end)\n"
	"  t[n % 7 + 1] = nil t['k' .. n % 5] = nil\n"
	"  t = each(n, function(t, i) t[i] = i end)\n"
	"  for i = n, n / 2, -1 do t[i] = nil end\n"
	"  t = each(n, function(t, i) t[i * 3] = i t[-i] = i t[i + 0.5] = i end)\n"
	"  t = each(n, function(t, i) t[i] = i end)\n"
	"  for i = 2, n, 3 do t[i] = nil end\n"
	"end\n"
	"add {[0] = 'zero', 1, 2}  add {x = 1, [1] = 2}  add {[true] = 1, [false] = 2, [{}] = 3, [print] = 4}\n"
	"add(setmetatable({1, x = 2}, {__index = {}, __pairs = print}))  add(setmetatable({}, {}))\n"
	"collectgarbage()  collectgarbage()\n"
	"return list\n";

enum { SAMPLE_OF_TYPES = 7 };

/* ---- comparing with the API ---- */

static bool same_string(lua_State *L, int index, const struct rawstring *s)
{
	size_t length;
	const char *text = lua_tolstring(L, index, &length);
	return s->text == text && in_arena(s, sizeof(*s)) && s->length == length;
}

static bool same_value(lua_State *L, int index, rawvalue v)
{
	int type = lua_type(L, index);
	double number;
	if (raw_is_number(v) != (type == LUA_TNUMBER))
		return false;
	switch (type) {
	case LUA_TNUMBER:
		number = lua_tonumber(L, index);
		return raw_of_number(number) == v || (isnan(number) && isnan(raw_number(v)));
	case LUA_TNIL:
		return v == RAW_NIL;
	case LUA_TBOOLEAN:
		return v == raw_of_tag(lua_toboolean(L, index) ? RAW_TAG_TRUE : RAW_TAG_FALSE);
	case LUA_TSTRING:
		return raw_tag(v) == RAW_TAG_STRING && same_string(L, index, raw_object(v));
	case LUA_TTABLE:
		return raw_tag(v) == RAW_TAG_TABLE && raw_object(v) == lua_topointer(L, index);
	case LUA_TLIGHTUSERDATA:
		return raw_tag(v) == RAW_TAG_LIGHT;
	}
	unsigned tag = raw_tag(v);
	return tag > RAW_TAG_STRING && tag != RAW_TAG_CDATA && tag != RAW_TAG_TABLE;
}

static bool can_read(const struct rawtable *t)
{
	uint64_t nodes = (uint64_t)t->hmask + 1;
	return (nodes & (nodes - 1)) == 0 && nodes < ARENA_BYTES && t->asize < ARENA_BYTES &&
	       (t->asize == 0 || in_arena(t->array, t->asize * sizeof(rawvalue))) &&
	       in_arena(t->node, (size_t)nodes * sizeof(struct rawnode)) &&
	       (t->metatable == NULL || in_arena(t->metatable, sizeof(*t)));
}

/* Key and value of the pair at `*at` or after it; *at: behind it. false: there is none. */
static bool next_pair(const struct rawtable *t, uint64_t *at, rawvalue *key, rawvalue *value)
{
	for (; *at < t->asize + (uint64_t)t->hmask + 1; ++*at) {
		bool in_array = *at < t->asize;
		const struct rawnode *n = in_array ? NULL : &t->node[*at - t->asize];
		*value = in_array ? t->array[*at] : n->value;
		*key = in_array ? raw_of_number((double)*at) : n->key;
		if (*value == RAW_NIL)
			continue;
		++*at;
		return true;
	}
	return false;
}

static bool same_pairs(lua_State *L, int index, const struct rawtable *t)
{
	uint64_t at = 0;
	rawvalue key, value;
	lua_pushnil(L);
	while (lua_next(L, index)) {
		if (!next_pair(t, &at, &key, &value) || !same_value(L, -2, key) || !same_value(L, -1, value))
			return false;
		lua_pop(L, 1);
	}
	return !next_pair(t, &at, &key, &value);
}

/* Where the hash part goes on with what the array part ends with, nothing is said about `#`. */
static bool same_border(lua_State *L, int index, const struct rawtable *t)
{
	uint32_t border = rawtable_border(t);
	lua_rawgeti(L, index, (int)border + 1);
	bool goes_on = !lua_isnil(L, -1);
	lua_pop(L, 1);
	return goes_on || lua_objlen(L, index) == border;
}

static bool same_metatable(lua_State *L, int index, const struct rawtable *t)
{
	if (!lua_getmetatable(L, index))
		return t->metatable == NULL;
	bool same = t->metatable == lua_topointer(L, -1) && can_read(t->metatable);
	lua_pushliteral(L, "__pairs");
	lua_rawget(L, -2);
	same = same && rawtable_has_key(t->metatable, "__pairs", 7) == !lua_isnil(L, -1);
	lua_pop(L, 2);
	return same;
}

static bool same_table(lua_State *L, int index)
{
	const struct rawtable *t = lua_topointer(L, index);
	return in_arena(t, sizeof(*t)) && can_read(t) && same_pairs(L, index, t) && same_border(L, index, t) &&
	       same_metatable(L, index, t);
}

static bool same_stack(lua_State *L)
{
	size_t count;
	if (!in_arena(L, sizeof(struct rawstate)))
		return false;
	const rawvalue *value = raw_stack(L, &count);
	if (count != (size_t)lua_gettop(L) || !in_arena(value, count * sizeof(*value)))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!same_value(L, (int)i + 1, value[i]))
			return false;
	return true;
}

/* ---- writing, and what the API says then ---- */

/* Does `limit` say when the API would make the stack larger? */
static bool same_limit(lua_State *L)
{
	const struct rawstate *state = (const void *)L;
	for (int i = 0; i < 4; i++) {
		const rawvalue *base = state->base, *limit = state->limit;
		if (!in_arena(limit, sizeof(*limit)) || limit <= state->top || limit - state->top > 5000)
			return false;
		int room = (int)(limit - state->top);
		if (!lua_checkstack(L, room - 1) || state->base != base || state->limit != limit || raw_has_room(L, (size_t)room))
			return false;
		if (!lua_checkstack(L, room) || !raw_has_room(L, (size_t)room))
			return false;
	}
	return true;
}

/* Pushes values without the API, and removes them again; does it notice? */
static bool can_push(lua_State *L)
{
	size_t height = raw_height(L);
	int before = lua_gettop(L);
	if (!same_limit(L) || !lua_checkstack(L, 100) || height != (size_t)before)
		return false;
	for (int i = 0; i < 20; i++) {
		raw_push(L, raw_of_number(i));
		raw_push(L, RAW_NIL);
		raw_push(L, raw_of_tag(RAW_TAG_FALSE));
		raw_push(L, raw_of_tag(RAW_TAG_TRUE));
	}
	bool same = lua_gettop(L) == before + 80 && same_stack(L);
	for (int i = before + 1; i < before + 80; i += 4)
		same = same && lua_tonumber(L, i) == (i - before) / 4 && lua_isnil(L, i + 1) && lua_isboolean(L, i + 2) &&
		       !lua_toboolean(L, i + 2) && lua_isboolean(L, i + 3) && lua_toboolean(L, i + 3);
	raw_cut(L, height);
	return same && lua_gettop(L) == before;
}

/* Puts values into a new table's array; do they arrive? */
static bool can_put(lua_State *L)
{
	enum { COUNT = 50 };
	size_t height;
	int before = lua_gettop(L);
	if (!lua_checkstack(L, COUNT + 10))
		return false;
	for (int i = 1; i <= COUNT; i++)
		lua_pushfstring(L, "value %d", i);
	lua_createtable(L, COUNT, 0);
	const struct rawtable *t = lua_topointer(L, -1);
	if (!in_arena(t, sizeof(*t)) || !can_read(t) || t->asize <= COUNT)
		return false;
	rawtable_put_values(t, raw_stack(L, &height) + before, COUNT);
	rawtable_put_number(t, COUNT / 2, 1.5);
	bool same = lua_objlen(L, -1) == COUNT && same_table(L, lua_gettop(L));
	for (int i = 1; i <= COUNT; i++) {
		lua_rawgeti(L, -1, i);
		same = same && (i == COUNT / 2 ? lua_tonumber(L, -1) == 1.5 : lua_rawequal(L, -1, before + i));
		lua_pop(L, 1);
	}
	lua_settop(L, before);
	return same;
}

/* Has the table at `index` keys 1 .. count, as texts, with themselves as values, and none but these? */
static bool has_keys(lua_State *L, int index, int count)
{
	int pairs = 0;
	bool same = same_table(L, index);
	for (int i = 1; i <= count; i++) {
		lua_pushfstring(L, "%d", i);
		lua_pushvalue(L, -1);
		lua_rawget(L, index);
		same = same && lua_rawequal(L, -1, -2);
		lua_pop(L, 2);
	}
	for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
		pairs++;
	lua_getfield(L, index, "none");
	same = same && lua_isnil(L, -1) && pairs == count;
	lua_pop(L, 1);
	return same;
}

static void set_keys(lua_State *L, int index, int from, int count)
{
	for (int i = from; i <= count; i++) {
		lua_pushfstring(L, "%d", i);
		lua_pushvalue(L, -1);
		lua_rawset(L, index);
	}
}

/* Copies the nodes of a table with so many keys into a new one; are they found there, and can the library go on with it? */
static bool can_copy(lua_State *L, int count)
{
	int index = lua_gettop(L) + 2;
	lua_createtable(L, 0, count);
	set_keys(L, index - 1, 1, count);
	const struct rawtable *from = lua_topointer(L, -1);
	if (!in_arena(from, sizeof(*from)) || !can_read(from))
		return false;
	lua_createtable(L, 0, (int)from->hmask + 1);
	const struct rawtable *t = lua_topointer(L, -1);
	if (!in_arena(t, sizeof(*t)) || !can_read(t) || t->hmask != from->hmask || t->hmask == 0)
		return false;
	for (uint32_t i = 0; i <= from->hmask; i++)
		if (from->node[i].value != RAW_NIL)
			rawtable_put_pair(t, from, i, from->node[i].key, from->node[i].key);
	bool same = has_keys(L, index, count);
	set_keys(L, index, count + 1, count + 1);
	same = same && has_keys(L, index, count + 1);
	set_keys(L, index, count + 2, 2 * count + 2);
	same = same && has_keys(L, index, 2 * count + 2);
	lua_settop(L, index - 2);
	return same;
}

static bool can_make_light(lua_State *L)
{
	size_t height;
	int before = lua_gettop(L);
	bool same = true;
	for (uintptr_t bit = 1; same && bit >> RAW_SEGMENT_BITS == 0; bit *= 2) {
		void *other = (void *)((uintptr_t)L ^ bit);
		lua_pushlightuserdata(L, L);
		lua_pushlightuserdata(L, other);
		const rawvalue *top = raw_stack(L, &height) + before + 1;
		same = raw_of_light(top[-1], other) == top[0] && raw_of_light(top[0], L) == top[-1] && raw_same_segment(L, other);
		lua_settop(L, before);
	}
	return same;
}

static bool can_write(lua_State *L)
{
	bool can = can_push(L) && can_put(L) && can_make_light(L);
	for (int count = 1; can && count <= 40; count += 1 + count / 4)
		can = can_copy(L, count);
	return can;
}

/* ---- the proof ---- */

/* The type of a cdata whose value the source says, 0: no FFI, or it looks different. */
static uint16_t type_of_integer(lua_State *L, const char *source, int64_t integer)
{
	uint16_t type = 0;
	if (luaL_loadstring(L, source) == 0 && lua_pcall(L, 0, 1, 0) == 0) {
		const struct rawcdata *c = rawcdata_of(lua_topointer(L, -1));
		if (in_arena(c, sizeof(*c)) && c->integer == integer)
			type = c->type;
	}
	lua_pop(L, 1);
	return type;
}

static int prove(lua_State *L)
{
	luaL_openlibs(L);
	if (luaL_loadstring(L, samples))
		return lua_error(L);
	lua_call(L, 0, 1);
	int list = lua_gettop(L), count = (int)lua_objlen(L, list);
	bool same = count > 250 && same_table(L, list);
	for (int i = 1; same && i <= count; i++) {
		lua_rawgeti(L, list, i);
		same = same_table(L, list + 1);
		lua_settop(L, list);
	}
	rawtable_layout.int64_type = type_of_integer(L, "return -81985529216486896LL", -81985529216486896);
	rawtable_layout.uint64_type = type_of_integer(L, "return 81985529216486895ULL", 81985529216486895);
	/* As arguments too: the values of a table of all types. */
	lua_rawgeti(L, list, SAMPLE_OF_TYPES);
	int sample = lua_gettop(L), types = (int)lua_objlen(L, sample);
	luaL_checkstack(L, types + 10, "");
	for (int i = 1; i <= types; i++)
		lua_rawgeti(L, sample, i);
	lua_pushlightuserdata(L, L);
	rawtable_layout.proven = same && types > 10 && same_stack(L) && can_write(L);
	return 0;
}

bool rawtable_prove(void)
{
	rawtable_layout = (struct rawtable_layout){0};
	arena.start = malloc(ARENA_BYTES);
	arena.used = 0;
	lua_State *L = arena.start ? lua_newstate(arena_alloc, NULL) : NULL;
	if (L) {
		if (lua_cpcall(L, prove, NULL) != 0)
			rawtable_layout.proven = false;
		lua_close(L);
	}
	free(arena.start);
	arena.start = NULL;
	return rawtable_layout.proven;
}
