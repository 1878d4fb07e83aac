/* SPDX-License-Identifier: MIT
 *
 * Building shared tables out of Lua's, beside what they may share with.
 *
 * A table is measured, then filled. Whatever is wrong with it is raised while it is measured; while it is filled,
 * tables in it may raise, and the draft knows those that it is in.
 */
#include "luabind/shared.h"
#include "core/atomics.h"

#include <lauxlib.h>
#include <string.h>

/* Shorter lists are taken as they are, whatever holes they have. */
enum { DEPTH_MAX = 128, SPARSE_LEAST = 1024 };

struct measure {
	uint32_t length, count;
	uint32_t listed; /* values in the list */
	size_t text_bytes;
};

/* Of the value on top of the stack; raises when it cannot be shared. */
static size_t text_bytes_of(lua_State *L)
{
	switch (lua_type(L, -1)) {
	case LUA_TSTRING:
		return lua_objlen(L, -1);
	case LUA_TNIL:
	case LUA_TNUMBER:
	case LUA_TBOOLEAN:
	case LUA_TTABLE:
		return 0;
	default:
		return (size_t)luaL_error(L, "Unsupport value type %s", luaL_typename(L, -1));
	}
}

/* The table on top of the stack, with a list of so many places. */
static struct measure measure_with(lua_State *L, uint32_t length)
{
	struct measure m = {.length = length};
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
		struct shared_value key = shared_key(L, -2);
		if (key.kind == SHARED_NIL)
			luaL_error(L, "Invalid key type %s", luaL_typename(L, -2));
		m.text_bytes += text_bytes_of(L);
		if (shared_list_index(&key, m.length)) {
			m.listed++;
			continue;
		}
		m.count++;
		m.text_bytes += key.size_bytes;
	}
	return m;
}

static uint32_t first_border(lua_State *L)
{
	for (uint32_t length = 0;; length++) {
		lua_rawgeti(L, -1, (int)length + 1);
		bool is_border = lua_isnil(L, -1);
		lua_pop(L, 1);
		if (is_border)
			return length;
	}
}

/* `#` may be any border, that of {[1]=x, [2]=x, [4]=x, ... [2^29]=x} is 2^29: half of a list must be there. */
static struct measure measure_table(lua_State *L)
{
	struct measure m = measure_with(L, (uint32_t)lua_objlen(L, -1));
	return m.length < SPARSE_LEAST || m.listed >= m.length / 2 ? m : measure_with(L, first_border(L));
}

/* On the draft's list. */
static struct shared_table *open_table(struct shared_draft *draft, const struct measure *m, char **text)
{
	struct shared_table *t = shared_table_new(m->length, m->count, m->text_bytes, text);
	t->outer = draft->open;
	draft->open = t;
	return t;
}

static void copy_text(char **text, struct shared_value *v)
{
	memcpy(*text, v->text, v->size_bytes);
	v->text = *text;
	*text += v->size_bytes;
}

static struct shared_table *build_table(lua_State *L, struct shared_draft *draft, struct shared_table *before,
					int depth);

/* The value on top of the stack; `before` is what was in its place, or NIL. */
static struct shared_value build_value(lua_State *L, struct shared_draft *draft, struct shared_value before, char **text,
				       int depth)
{
	struct shared_value v = shared_key(L, -1);
	switch (lua_type(L, -1)) {
	case LUA_TNUMBER:
		v.number = lua_tonumber(L, -1);
		break;
	case LUA_TSTRING:
		copy_text(text, &v);
		break;
	case LUA_TBOOLEAN:
		v.kind = SHARED_BOOLEAN;
		v.boolean = lua_toboolean(L, -1);
		break;
	case LUA_TTABLE:
		v.table = build_table(L, draft, before.kind == SHARED_TABLE ? before.table : NULL, depth + 1);
		v.kind = SHARED_TABLE;
		break;
	}
	return v;
}

static void fill_table(lua_State *L, struct shared_draft *draft, struct shared_table *t, struct shared_table *before,
		       char *text, int depth)
{
	/* Nobody else has the table yet. */
	struct shared_value *list = (struct shared_value *)t->list;
	struct shared_pair *pairs = (struct shared_pair *)t->pairs;
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
		struct shared_value key = shared_key(L, -2);
		struct shared_value was = {.kind = SHARED_NIL};
		if (before)
			was = shared_at(before, shared_place_of(before, &key)).value;
		uint32_t index = shared_list_index(&key, t->length);
		if (index) {
			list[index - 1] = build_value(L, draft, was, &text, depth);
			continue;
		}
		struct shared_pair *pair = &pairs[shared_slot(pairs, t->room, &key)];
		if (key.kind == SHARED_STRING)
			copy_text(&text, &key);
		pair->value = build_value(L, draft, was, &text, depth);
		pair->key = key;
	}
}

/* The table on top of the stack. */
static struct shared_table *build_table(lua_State *L, struct shared_draft *draft, struct shared_table *before,
					int depth)
{
	char *text;
	if (depth > DEPTH_MAX)
		luaL_error(L, "the table is too deep to be shared, or contains itself");
	luaL_checkstack(L, 8, NULL);
	struct measure m = measure_table(L);
	struct shared_table *t = open_table(draft, &m, &text);
	fill_table(L, draft, t, before, text, depth);
	draft->open = t->outer;
	if (before == NULL || !shared_same(t, before))
		return t;
	shared_release(t);
	add_relaxed(&before->references, 1); /* the draft's, or that of the table that it is in, keeps it alive */
	return before;
}

struct shared_table *shared_build(lua_State *L, struct shared_draft *draft, int index)
{
	lua_pushvalue(L, index);
	struct shared_table *top = build_table(L, draft, draft->before, 0);
	lua_pop(L, 1);
	return top;
}

void shared_draft_drop(struct shared_draft *draft)
{
	while (draft->open) {
		struct shared_table *t = draft->open;
		draft->open = t->outer;
		shared_release(t); /* what is in it was finished */
	}
	if (draft->before)
		shared_release(draft->before);
	draft->before = NULL;
}
