/* SPDX-License-Identifier: MIT
 *
 * Lua values to bytes; seri_wire.h has the format. Tables go the fast way (seri_raw.h) where LuaJIT's layout is proven and
 * they are of the usual kind, else by the API. The bytes are the same.
 *
 * Packing may raise at nearly any point (a function in the table, a `__pairs` of the user's, no
 * memory), and a Lua error is a longjmp or an unwind over our frames that runs no cleanup here. So
 * the bytes grow in memory that nobody has to free: first a block of the C stack, then userdata
 * pinned on the Lua stack. Only push_block() makes the mem_alloc block, when nothing can raise
 * any more.
 */
#include "luabind/seri.h"

#include "core/mem.h"
#include "luabind/seri_int64.h"
#include "luabind/seri_raw.h"
#include <lauxlib.h>
#include <math.h>
#include <string.h>

#define FIRST_BYTES 1024
/* Lua's type number of a cdata; lua.h does not name it. */
#define TYPE_CDATA 10
/* Shorter arrays are packed as they are, whatever holes they have. */
#define SPARSE_LEAST 1024
/* So often a table may turn out to be nothing for seri_raw, after some of it has been written in vain. */
#define RAW_ATTEMPTS 8

struct packer {
	lua_State *L;
	struct seri_writer w;
	int slot; /* of the Lua stack: what keeps the userdata alive */
	int skip; /* so many arguments are not packed */
	int raw_attempts;
	char first[FIRST_BYTES];
};

static PARKABLE NOINLINE void packer_grow(struct packer *p, size_t bytes)
{
	size_t used = (size_t)(p->w.at - p->w.start);
	size_t capacity = (used + bytes) * 2;
	char *bigger = lua_newuserdata(p->L, capacity);
	memcpy(bigger, p->w.start, used);
	lua_replace(p->L, p->slot);
	p->w = (struct seri_writer){.start = bigger, .at = bigger + used, .end = bigger + capacity};
}

/* Makes room for so many bytes and a scalar. */
static PARKABLE inline void reserve(struct packer *p, size_t bytes)
{
	if (UNLIKELY(seri_room(&p->w) < bytes + SERI_SCALAR_MAX))
		packer_grow(p, bytes + SERI_SCALAR_MAX);
}

static PARKABLE inline void pack_head(struct packer *p, enum seri_kind kind, unsigned cookie)
{
	reserve(p, 0);
	seri_put_head(&p->w, kind, cookie);
}

static PARKABLE inline void pack_integer(struct packer *p, int64_t value)
{
	reserve(p, 0);
	seri_put_integer(&p->w, value);
}

static PARKABLE inline void pack_number(struct packer *p, double value)
{
	reserve(p, 0);
	seri_put_number(&p->w, value);
}

static PARKABLE inline void pack_string(struct packer *p, int index)
{
	size_t length;
	const char *text = lua_tolstring(p->L, index, &length);
	reserve(p, length);
	seri_put_text(&p->w, text, length);
}

static PARKABLE void pack_value(struct packer *p, int index, int depth);

/* A table that iterates by itself has no array part on the wire. */
static PARKABLE void pack_by_iterator(struct packer *p, int table, int depth)
{
	lua_State *L = p->L;
	pack_head(p, SERI_KIND_TABLE, 0);
	lua_pushvalue(L, table);
	lua_call(L, 1, 3);
	int next = lua_gettop(L) - 2;
	for (;;) {
		lua_pushvalue(L, next);
		lua_insert(L, -2);
		lua_pushvalue(L, next + 1);
		lua_insert(L, -2);
		lua_call(L, 2, 2);
		if (lua_isnil(L, -2))
			break;
		pack_value(p, -2, depth);
		pack_value(p, -1, depth);
		lua_pop(L, 1);
	}
	lua_settop(L, next - 1);
	pack_head(p, SERI_KIND_NIL, 0);
}

static PARKABLE inline bool key_is(lua_State *L, double wanted)
{
	return lua_type(L, -2) == LUA_TNUMBER && lua_tonumber(L, -2) == wanted;
}

/* Packs values 1 .. length in one walk of lua_next for as long as that meets them in this order,
 * which is the rule; it puts 0 before 1. Leaves the last key met on the stack. Returns how many it
 * packed; only if those are all, the rest of the walk is the rest of the table. */
static PARKABLE size_t pack_array_by_walk(struct packer *p, int table, size_t length, int depth,
				 bool *met_zero)
{
	lua_State *L = p->L;
	size_t done = 0;
	lua_pushnil(L);
	*met_zero = false;
	while (done < length && lua_next(L, table)) {
		if (LIKELY(key_is(L, (double)(done + 1)))) {
			if (lua_type(L, -1) == LUA_TNUMBER && depth <= SERI_DEPTH_MAX)
				pack_number(p, lua_tonumber(L, -1));
			else
				pack_value(p, -1, depth);
			done++;
		} else if (done == 0 && !*met_zero && key_is(L, 0)) {
			*met_zero = true;
		} else {
			lua_pop(L, 1);
			return done;
		}
		lua_pop(L, 1);
	}
	return done;
}

static PARKABLE bool in_array(lua_State *L, size_t length)
{
	if (lua_type(L, -2) != LUA_TNUMBER)
		return false;
	double key = lua_tonumber(L, -2);
	return key >= 1 && key <= (double)length && floor(key) == key;
}

/* Packs what lua_next finds after the key on top of the stack, without keys 1 .. skip. */
static PARKABLE void pack_pairs(struct packer *p, int table, size_t skip, int depth)
{
	lua_State *L = p->L;
	while (lua_next(L, table)) {
		if (skip == 0 || !in_array(L, skip)) {
			pack_value(p, -2, depth);
			pack_value(p, -1, depth);
		}
		lua_pop(L, 1);
	}
}

/* What goes to the wire as an array. `#` may be any border: of {[1]=x, [2]=x, [4]=x, ... [2^29]=x} it is 2^29, and as many
 * bytes would be nil. So half of the values must be there, as in an array of LuaJIT's; else it is the first border. */
static PARKABLE size_t array_length(lua_State *L, int table)
{
	size_t length = lua_objlen(L, table), values = 0;
	if (LIKELY(length < SPARSE_LEAST))
		return length;
	for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
		values += in_array(L, length);
	if (values >= length / 2)
		return length;
	for (length = 0;; length++) {
		lua_rawgeti(L, table, (int)length + 1);
		bool is_border = lua_isnil(L, -1);
		lua_pop(L, 1);
		if (is_border)
			return length;
	}
}

static PARKABLE void pack_plain(struct packer *p, int table, int depth)
{
	lua_State *L = p->L;
	size_t length = array_length(L, table);
	bool met_zero;
	reserve(p, 0);
	seri_put_array_head(&p->w, length);
	size_t done = pack_array_by_walk(p, table, length, depth, &met_zero);
	if (done == length) {
		if (met_zero) {
			pack_integer(p, 0);
			lua_rawgeti(L, table, 0);
			pack_value(p, -1, depth);
			lua_pop(L, 1);
		}
		pack_pairs(p, table, 0, depth);
	} else {
		lua_settop(L, table);
		for (size_t i = done + 1; i <= length; i++) {
			lua_rawgeti(L, table, (int)i);
			pack_value(p, -1, depth);
			lua_pop(L, 1);
		}
		lua_pushnil(L);
		pack_pairs(p, table, length, depth);
	}
	pack_head(p, SERI_KIND_NIL, 0);
}

static PARKABLE void pack_by_api(struct packer *p, int index, int depth)
{
	lua_State *L = p->L;
	luaL_checkstack(L, SERI_FRAME_SLOTS, "serialize");
	/* On top, so that `table` is both its place and the height of the stack to go back to. */
	lua_pushvalue(L, index);
	int table = lua_gettop(L);
	if (luaL_getmetafield(L, table, "__pairs"))
		pack_by_iterator(p, table, depth + 1);
	else
		pack_plain(p, table, depth + 1);
	lua_settop(L, table - 1);
}

/* Tries the fast way. The buffer grows between two attempts, when nothing of the table is held: a collection may run
 * then, and change it. */
static PARKABLE bool pack_raw(struct packer *p, int index, int depth)
{
	size_t before = (size_t)(p->w.at - p->w.start);
	for (;;) {
		enum seri_raw_result result = seri_raw_table(&p->w, lua_topointer(p->L, index), depth);
		if (LIKELY(result == SERI_RAW_DONE))
			return true;
		p->w.at = p->w.start + before;
		if (result == SERI_RAW_OTHER)
			return false;
		packer_grow(p, 2 * (size_t)(p->w.end - p->w.start));
	}
}

static PARKABLE void pack_table(struct packer *p, int index, int depth)
{
	if (p->raw_attempts > 0) {
		luaL_checkstack(p->L, SERI_FRAME_SLOTS, "serialize");
		if (pack_raw(p, index, depth))
			return;
		p->raw_attempts--;
	}
	pack_by_api(p, index, depth);
}

static PARKABLE NOINLINE void pack_rare(struct packer *p, int index, int type, int depth)
{
	int64_t integer;
	void *pointer;
	switch (type) {
	case LUA_TLIGHTUSERDATA:
		pointer = lua_touserdata(p->L, index);
		reserve(p, 0);
		seri_put_scalar(&p->w, SERI_KIND_POINTER, 0, (uintptr_t)pointer, sizeof(pointer));
		return;
	case TYPE_CDATA:
		if (seri_int64_read(p->L, index, &integer)) {
			pack_integer(p, integer);
			return;
		}
		break;
	case LUA_TUSERDATA:
		/* Shared data is one, and is read like a table. */
		if (luaL_getmetafield(p->L, index, "__pairs")) {
			lua_pop(p->L, 1);
			pack_by_api(p, index, depth);
			return;
		}
		break;
	}
	luaL_error(p->L, "Unsupport type %s to serialize", lua_typename(p->L, type));
}

static PARKABLE void pack_value(struct packer *p, int index, int depth)
{
	lua_State *L = p->L;
	if (UNLIKELY(depth > SERI_DEPTH_MAX))
		luaL_error(L, "serialize can't pack too depth table");
	int type = lua_type(L, index);
	switch (type) {
	case LUA_TNIL:
		pack_head(p, SERI_KIND_NIL, 0);
		break;
	case LUA_TBOOLEAN:
		pack_head(p, SERI_KIND_BOOL, (unsigned)lua_toboolean(L, index));
		break;
	case LUA_TNUMBER:
		pack_number(p, lua_tonumber(L, index));
		break;
	case LUA_TSTRING:
		pack_string(p, index);
		break;
	case LUA_TTABLE:
		pack_table(p, index, depth);
		break;
	default:
		pack_rare(p, index, type, depth);
	}
}

static PARKABLE void writer_init(struct packer *p)
{
	p->w = (struct seri_writer){.start = p->first, .at = p->first, .end = p->first + sizeof(p->first)};
}

static PARKABLE NOINLINE void pack_slowly(struct packer *p)
{
	lua_State *L = p->L;
	int count = lua_gettop(L);
	p->raw_attempts = rawtable_proven() ? RAW_ATTEMPTS : 0;
	luaL_checkstack(L, SERI_FRAME_SLOTS, "serialize");
	lua_pushnil(L);
	p->slot = count + 1;
	for (int i = p->skip + 1; i <= count; i++)
		pack_value(p, i, 0);
}

/* For what nearly all messages are: the arguments where they stand, into the first block. */
static PARKABLE bool pack_at_once(struct packer *p)
{
	size_t count;
	if (!rawtable_proven())
		return false;
	const rawvalue *values = raw_stack(p->L, &count);
	return seri_raw_values(&p->w, values + p->skip, count - (size_t)p->skip) == SERI_RAW_DONE;
}

/* Packs the arguments of the running function. Returns the number of bytes. */
static PARKABLE size_t pack_arguments(struct packer *p, lua_State *L)
{
	p->L = L;
	p->skip = 0;
	writer_init(p);
	if (UNLIKELY(!pack_at_once(p))) {
		writer_init(p);
		pack_slowly(p);
	}
	return (size_t)(p->w.at - p->w.start);
}

static int push_and_drop(lua_State *L)
{
	lua_pushlightuserdata(L, lua_touserdata(L, 1));
	return 0;
}

/* Pushes a new block, or raises. LuaJIT keeps the upper bits of light userdata in a table of 512 GB segments, which
 * grows, and may fail to, at the first pointer into a segment. What lies in the segment of `L` can be pushed safely
 * once `L` has been; anything else is tried out under protection first. (Not parkable: until it is pushed, the block
 * is nobody's.) */
static void *push_block(lua_State *L, size_t bytes)
{
	size_t height;
	lua_pushlightuserdata(L, L);
	void *block = mem_alloc(bytes);
	rawvalue *stack = raw_stack(L, &height);
	if (LIKELY(raw_same_segment(block, L) && rawtable_proven())) {
		stack[height - 1] = raw_of_light(stack[height - 1], block);
		return block;
	}
	lua_pop(L, 1);
	if (!raw_same_segment(block, L) && lua_cpcall(L, push_and_drop, block) != 0) {
		mem_free(block);
		lua_error(L);
	}
	lua_pushlightuserdata(L, block);
	return block;
}

/* Pushes a block with the bytes, NULL for none. */
static NOINLINE void finish_block(lua_State *L, const char *from, size_t bytes)
{
	if (UNLIKELY(bytes == 0))
		lua_pushlightuserdata(L, NULL);
	else
		memcpy(push_block(L, bytes), from, bytes);
}

/* Long strings, which would be copied twice: straight into the block. 0: there is more to it than that. */
static NOINLINE size_t pack_into_block(lua_State *L)
{
	size_t count, height;
	const rawvalue *values = raw_stack(L, &count);
	size_t bound = rawtable_proven() ? seri_raw_bound(values, count) : 0;
	if (bound <= FIRST_BYTES)
		return 0;
	char *block = push_block(L, bound);
	struct seri_writer w = {.start = block, .at = block, .end = block + bound};
	values = raw_stack(L, &height); /* where the stack is now */
	ensure(seri_raw_values(&w, values, count) == SERI_RAW_DONE);
	return (size_t)(w.at - w.start);
}

PARKABLE int seri_pack(lua_State *L)
{
	struct packer p;
	size_t bytes = 0;
	p.L = L;
	p.skip = 0;
	writer_init(&p);
	bool done = pack_at_once(&p);
	if (UNLIKELY(!done) && (bytes = pack_into_block(L)) == 0) {
		writer_init(&p);
		pack_slowly(&p);
		done = true;
	}
	if (done) {
		bytes = (size_t)(p.w.at - p.w.start);
		finish_block(L, p.w.start, bytes);
	}
	if (LIKELY(rawtable_proven() && raw_has_room(L, 1)))
		raw_push(L, raw_of_number((double)bytes));
	else
		lua_pushnumber(L, (lua_Number)bytes);
	return 2;
}

/* Long strings straight into the block, as above. Not parkable: until `give` has it, the block is nobody's. -1: there is more to
 * it than that. */
static NOINLINE int give_strings(lua_State *L, int skip, seri_give *give, void *context)
{
	size_t count;
	if (!rawtable_proven())
		return -1;
	const rawvalue *values = raw_stack(L, &count) + skip;
	count -= (size_t)skip;
	size_t bound = seri_raw_bound(values, count);
	if (bound <= FIRST_BYTES)
		return -1;
	char *block = mem_alloc(bound);
	struct seri_writer w = {.start = block, .at = block, .end = block + bound};
	ensure(seri_raw_values(&w, values, count) == SERI_RAW_DONE);
	return give(L, context, block, (size_t)(w.at - w.start), block);
}

PARKABLE int seri_pack_to(lua_State *L, int skip, seri_give *give, void *context)
{
	struct packer p;
	p.L = L;
	p.skip = skip;
	writer_init(&p);
	if (UNLIKELY(!pack_at_once(&p))) {
		int results = give_strings(L, skip, give, context);
		if (results >= 0)
			return results;
		writer_init(&p);
		pack_slowly(&p);
	}
	return give(L, context, p.w.start, (size_t)(p.w.at - p.w.start), NULL);
}

PARKABLE int seri_packstring(lua_State *L)
{
	struct packer p;
	size_t bytes = pack_arguments(&p, L);
	lua_pushlstring(L, p.w.start, bytes);
	return 1;
}
