/* SPDX-License-Identifier: MIT
 *
 * The bytes come from peers: whatever they are, the answer is a table or an error, and what is allocated is in
 * proportion to them.
 */
#include "luabind/seri_int64.h"
#include "luabind/sproto_codec.h"

#include <lauxlib.h>

static void decode_struct(lua_State *L, const struct sproto_type *t, struct wire_span bytes, int depth,
			  size_t *taken);

static NORETURN void bad(lua_State *L)
{
	luaL_error(L, "decode error");
	__builtin_unreachable();
}

static void push_integer(lua_State *L, const struct sproto_field *f, int64_t value)
{
	if (f->scale != 0)
		lua_pushnumber(L, (lua_Number)value / f->scale);
	else if (value == (int32_t)value)
		lua_pushinteger(L, (lua_Integer)value);
	else
		seri_int64_push(L, value);
}

static void push_double(lua_State *L, const uint8_t *at)
{
	double value;
	memcpy(&value, at, sizeof(value));
	/* LuaJIT keeps its types in the bits of NaNs. */
	lua_pushnumber(L, value == value ? value : 0.0 / 0.0);
}

/* A string or a struct. */
static void push_object(lua_State *L, const struct sproto_field *f, struct wire_span bytes, int depth)
{
	if (f->kind == SPROTO_STRING) {
		lua_pushlstring(L, (const char *)bytes.at, bytes.size);
		return;
	}
	size_t taken;
	lua_newtable(L);
	decode_struct(L, f->sub, bytes, depth + 1, &taken);
}

static void push_block(lua_State *L, const struct sproto_field *f, struct wire_span bytes, int depth)
{
	switch (f->kind) {
	case SPROTO_INTEGER:
		if (bytes.size == 4)
			push_integer(L, f, (int32_t)wire_u32(bytes.at));
		else if (bytes.size == 8)
			push_integer(L, f, (int64_t)wire_u64(bytes.at));
		else
			bad(L);
		break;
	case SPROTO_DOUBLE:
		if (bytes.size != 8)
			bad(L);
		push_double(L, bytes.at);
		break;
	case SPROTO_BOOLEAN:
		bad(L);
		break;
	default:
		push_object(L, f, bytes, depth);
	}
}

static void push_word(lua_State *L, const struct sproto_field *f, int value)
{
	if (f->array)
		bad(L);
	if (f->kind == SPROTO_INTEGER)
		push_integer(L, f, value);
	else if (f->kind == SPROTO_BOOLEAN)
		lua_pushboolean(L, value != 0);
	else
		bad(L);
}

/* ---- arrays: into the table on top of the stack ---- */

static void decode_numbers(lua_State *L, const struct sproto_field *f, struct wire_span bytes)
{
	if (bytes.size == 0)
		return;
	size_t width = bytes.at[0];
	if ((width != 8 && (width != 4 || f->kind == SPROTO_DOUBLE)) || (bytes.size - 1) % width)
		bad(L);
	int index = 1;
	for (size_t at = 1; at < bytes.size; at += width) {
		if (f->kind == SPROTO_DOUBLE)
			push_double(L, bytes.at + at);
		else if (width == 4)
			push_integer(L, f, (int32_t)wire_u32(bytes.at + at));
		else
			push_integer(L, f, (int64_t)wire_u64(bytes.at + at));
		lua_rawseti(L, -2, index++);
	}
}

/* The struct on top of the stack goes into the table below it, under its key. */
static void set_by_key(lua_State *L, const struct sproto_field *f)
{
	lua_getfield(L, -1, f->key->name);
	/* NaN cannot be a key either. */
	if (lua_isnil(L, -1) || !lua_rawequal(L, -1, -1)) {
		if (f->value)
			luaL_error(L, "Can't find key field in [%s]", f->name);
		luaL_error(L, "Can't find main index (tag=%d) in [%s]", (int)f->key->tag, f->name);
	}
	if (f->value == NULL) {
		lua_pushvalue(L, -2);
	} else {
		lua_getfield(L, -2, f->value->name);
		if (lua_isnil(L, -1))
			luaL_error(L, "Can't find value field in [%s]", f->name);
	}
	lua_rawset(L, -4);
	lua_pop(L, 1);
}

static void decode_list(lua_State *L, const struct sproto_field *f, struct wire_span bytes, int depth)
{
	int index = 1;
	while (bytes.size > 0) {
		struct wire_span block;
		if (f->kind == SPROTO_BOOLEAN) {
			lua_pushboolean(L, bytes.at[0]);
			bytes.at++;
			bytes.size--;
		} else if (wire_block(&bytes, &block)) {
			push_object(L, f, block, depth);
		} else {
			bad(L);
		}
		if (f->key)
			set_by_key(L, f);
		else
			lua_rawseti(L, -2, index++);
	}
}

static void push_array(lua_State *L, const struct sproto_field *f, struct wire_span bytes, int depth)
{
	lua_newtable(L);
	if (f->kind == SPROTO_INTEGER || f->kind == SPROTO_DOUBLE)
		decode_numbers(L, f, bytes);
	else
		decode_list(L, f, bytes, depth);
}

/* ---- structs ---- */

static void decode_struct(lua_State *L, const struct sproto_type *t, struct wire_span bytes, int depth, size_t *taken)
{
	struct wire_reader r;
	enum wire_step step;
	if (depth > WIRE_DEPTH_MAX)
		luaL_error(L, "The table is too deep");
	luaL_checkstack(L, 12, NULL);
	if (!wire_open(&r, bytes))
		bad(L);
	while ((step = wire_next(&r)) == WIRE_FIELD) {
		const struct sproto_field *f = sproto_find_field(t, r.tag);
		if (f == NULL)
			continue; /* of a newer schema than ours */
		if (r.value >= 0)
			push_word(L, f, r.value);
		else if (f->array)
			push_array(L, f, r.content, depth);
		else
			push_block(L, f, r.content, depth);
		lua_setfield(L, -2, f->name);
	}
	if (step == WIRE_BAD)
		bad(L);
	*taken = (size_t)(r.data.at - bytes.at);
}

size_t sproto_decode(lua_State *L, const struct sproto_type *t, struct wire_span bytes)
{
	size_t taken = 0;
	decode_struct(L, t, bytes, 0, &taken);
	return taken;
}

/* ---- defaults ---- */

/* In an array a struct is told by its type's name alone. */
static void push_single_default(lua_State *L, const struct sproto_field *f)
{
	switch (f->kind) {
	case SPROTO_INTEGER:
	case SPROTO_DOUBLE:
		lua_pushinteger(L, 0);
		break;
	case SPROTO_BOOLEAN:
		lua_pushboolean(L, false);
		break;
	case SPROTO_STRING:
		lua_pushliteral(L, "");
		break;
	default:
		if (f->array) {
			lua_pushstring(L, f->sub->name);
			break;
		}
		lua_createtable(L, 0, 1);
		lua_pushstring(L, f->sub->name);
		lua_setfield(L, -2, "__type");
	}
}

void sproto_push_default(lua_State *L, const struct sproto_type *t)
{
	lua_createtable(L, 0, (int)t->field_count);
	for (uint32_t i = 0; i < t->field_count; i++) {
		const struct sproto_field *f = &t->fields[i];
		if (f->array) {
			lua_createtable(L, 0, 1);
			push_single_default(L, f);
			lua_setfield(L, -2, "__array");
		} else {
			push_single_default(L, f);
		}
		lua_setfield(L, -2, f->name);
	}
}
