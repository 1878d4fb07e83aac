/* SPDX-License-Identifier: MIT */
#include "luabind/seri_int64.h"
#include "luabind/sproto_codec.h"

#include <lauxlib.h>
#include <math.h>

enum { BUFFER_BYTES_FIRST = 512, BUFFER_BYTES_MAX = 0x1000000 };

/* LuaJIT's type of FFI values; its C API has no name for it. */
enum { TYPE_CDATA = 10 };

/* A value up to here fits into the word of its field. */
enum { WORD_VALUE_MAX = 0x7ffe };

/* What is being encoded, for errors: a field of a struct, an element of its array (0: none). */
struct place {
	struct sproto_buffer *out;
	const struct sproto_type *type;
	const struct sproto_field *field;
	int index, depth;
};

static uint8_t *append(struct sproto_buffer *out, size_t bytes)
{
	size_t needed = out->size + bytes;
	if (needed > out->room) {
		if (needed > BUFFER_BYTES_MAX)
			luaL_error(out->L, "object is too large (>%d)", (int)BUFFER_BYTES_MAX);
		size_t room = out->room ? out->room : BUFFER_BYTES_FIRST;
		while (room < needed)
			room *= 2;
		uint8_t *data = lua_newuserdata(out->L, room);
		if (out->size)
			memcpy(data, out->data, out->size);
		lua_replace(out->L, out->slot);
		out->data = data;
		out->room = room;
	}
	uint8_t *at = out->data + out->size;
	out->size = needed;
	return at;
}

static void append_bytes(struct sproto_buffer *out, const void *bytes, size_t size)
{
	memcpy(append(out, size), bytes, size);
}

/* The length of a block, once what it holds has been appended behind `start`. */
static void close_block(struct sproto_buffer *out, size_t start)
{
	uint32_t size = (uint32_t)(out->size - start - WIRE_LENGTH_BYTES);
	memcpy(out->data + start, &size, sizeof(size));
}

static size_t open_block(struct sproto_buffer *out)
{
	size_t start = out->size;
	append(out, WIRE_LENGTH_BYTES);
	return start;
}

static NORETURN void wrong(const struct place *p, const char *wanted)
{
	luaL_error(p->out->L, "%s.%s[%d] is not %s (Is a %s)", p->type->name, p->field->name, p->index, wanted,
		   luaL_typename(p->out->L, -1));
	__builtin_unreachable();
}

/* ---- values: each on top of the stack ---- */

static int64_t integer_of(const struct place *p)
{
	lua_State *L = p->out->L;
	int64_t value;
	double number = lua_tonumber(L, -1), scale = p->field->scale;
	if (lua_type(L, -1) == TYPE_CDATA) {
		if (!seri_int64_read(L, -1, &value))
			wrong(p, "an integer");
		return scale != 0 ? (int64_t)((uint64_t)value * (uint64_t)scale) : value;
	}
	if (!lua_isnumber(L, -1))
		wrong(p, "an integer");
	if (scale != 0)
		number = round(number * scale);
	if (!(number >= -0x1p63 && number < 0x1p63) || floor(number) != number)
		wrong(p, "an integer");
	return (int64_t)number;
}

static bool boolean_of(const struct place *p)
{
	if (!lua_isboolean(p->out->L, -1))
		wrong(p, "a boolean");
	return lua_toboolean(p->out->L, -1);
}

static double double_of(const struct place *p)
{
	if (!lua_isnumber(p->out->L, -1))
		wrong(p, "a number");
	return lua_tonumber(p->out->L, -1);
}

static bool is_short(int64_t value)
{
	return value == (int32_t)value;
}

static void encode_struct(struct sproto_buffer *out, const struct sproto_type *t, int table, int depth);

/* A string or a struct, as a block. */
static void append_object(const struct place *p)
{
	struct sproto_buffer *out = p->out;
	size_t start = open_block(out), size;
	if (p->field->kind == SPROTO_STRING) {
		if (lua_type(out->L, -1) != LUA_TSTRING)
			wrong(p, "a string");
		const char *text = lua_tolstring(out->L, -1, &size);
		append_bytes(out, text, size);
	} else {
		encode_struct(out, p->field->sub, lua_gettop(out->L), p->depth + 1);
	}
	close_block(out, start);
}

/* Returns the word of the field; 0: the value has been appended as a block. */
static uint32_t encode_single(const struct place *p)
{
	struct sproto_buffer *out = p->out;
	int64_t value;
	double number;
	size_t start;
	switch (p->field->kind) {
	case SPROTO_BOOLEAN:
		return boolean_of(p) ? 4 : 2;
	case SPROTO_INTEGER:
		value = integer_of(p);
		if (value >= 0 && value <= WORD_VALUE_MAX)
			return (uint32_t)(value + 1) * 2;
		start = open_block(out);
		append_bytes(out, &value, is_short(value) ? 4 : 8);
		close_block(out, start);
		return 0;
	case SPROTO_DOUBLE:
		number = double_of(p);
		start = open_block(out);
		append_bytes(out, &number, sizeof(number));
		close_block(out, start);
		return 0;
	default:
		append_object(p);
		return 0;
	}
}

/* ---- arrays: the table, or what behaves like one, on top of the stack ---- */

/* All are of four bytes until the first that does not fit; those before it are then widened. */
static void widen(struct sproto_buffer *out, size_t first, size_t count)
{
	append(out, count * 4);
	uint8_t *base = out->data + first;
	for (size_t i = count; i-- > 0;) {
		int32_t narrow;
		memcpy(&narrow, base + i * 4, sizeof(narrow));
		int64_t wide = narrow;
		memcpy(base + i * 8, &wide, sizeof(wide));
	}
}

static void encode_numbers(struct place *p, int array)
{
	struct sproto_buffer *out = p->out;
	lua_State *L = out->L;
	size_t head = out->size, width = p->field->kind == SPROTO_DOUBLE ? 8 : 4;
	append(out, 1);
	for (p->index = 1;; p->index++) {
		lua_pushinteger(L, p->index);
		lua_gettable(L, array);
		if (lua_isnil(L, -1))
			break;
		if (p->field->kind == SPROTO_DOUBLE) {
			double number = double_of(p);
			append_bytes(out, &number, sizeof(number));
		} else {
			int64_t value = integer_of(p);
			if (width == 4 && !is_short(value)) {
				widen(out, head + 1, (size_t)p->index - 1);
				width = 8;
			}
			append_bytes(out, &value, width);
		}
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	if (p->index == 1)
		out->size = head; /* an empty one has no byte for the width */
	else
		out->data[head] = (uint8_t)width;
}

static void encode_list(struct place *p, int array)
{
	lua_State *L = p->out->L;
	for (p->index = 1;; p->index++) {
		lua_pushinteger(L, p->index);
		lua_gettable(L, array);
		if (lua_isnil(L, -1))
			break;
		if (p->field->kind == SPROTO_BOOLEAN)
			*append(p->out, 1) = boolean_of(p);
		else
			append_object(p);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
}

/* The element whose key and value are on top of the stack. */
static void encode_entry(struct place *p)
{
	lua_State *L = p->out->L;
	if (p->field->value == NULL) {
		append_object(p);
		return;
	}
	lua_createtable(L, 0, 2);
	lua_pushvalue(L, -3);
	lua_setfield(L, -2, p->field->key->name);
	lua_pushvalue(L, -2);
	lua_setfield(L, -2, p->field->value->name);
	append_object(p);
	lua_pop(L, 1);
}

static void encode_map(struct place *p, int array)
{
	lua_State *L = p->out->L;
	p->index = 1;
	if (!luaL_getmetafield(L, array, "__pairs")) {
		lua_pushnil(L);
		for (; lua_next(L, array); p->index++) {
			encode_entry(p);
			lua_pop(L, 1);
		}
		return;
	}
	lua_pushvalue(L, array);
	lua_call(L, 1, 3); /* function, state, key */
	int function = lua_gettop(L) - 2;
	for (;; p->index++) {
		lua_pushvalue(L, function);
		lua_insert(L, -2);
		lua_pushvalue(L, function + 1);
		lua_insert(L, -2);
		lua_call(L, 2, 2);
		if (lua_isnil(L, -2))
			break;
		encode_entry(p);
		lua_pop(L, 1);
	}
	lua_settop(L, function - 1);
}

static void encode_array(struct place *p)
{
	lua_State *L = p->out->L;
	int array = lua_gettop(L);
	bool pairs = lua_isuserdata(L, array) && luaL_getmetafield(L, array, "__pairs");
	lua_settop(L, array);
	if (!lua_istable(L, array) && !(p->field->key ? pairs : lua_isuserdata(L, array)))
		luaL_error(L, "%s.%s(%d) should be a table or an userdata with metamethods (Is a %s)", p->type->name,
			   p->field->name, 1, luaL_typename(L, array));
	size_t start = open_block(p->out);
	if (p->field->key)
		encode_map(p, array);
	else if (p->field->kind == SPROTO_INTEGER || p->field->kind == SPROTO_DOUBLE)
		encode_numbers(p, array);
	else
		encode_list(p, array);
	close_block(p->out, start);
}

/* ---- structs ---- */

static void set_word(struct sproto_buffer *out, size_t at, size_t word)
{
	out->data[at] = (uint8_t)word;
	out->data[at + 1] = (uint8_t)(word >> 8);
}

/* Room is left for two words a field, one of them to skip tags; what was not needed is taken back. */
static void encode_struct(struct sproto_buffer *out, const struct sproto_type *t, int table, int depth)
{
	lua_State *L = out->L;
	if (depth > WIRE_DEPTH_MAX)
		luaL_error(L, "The table is too deep");
	if (!lua_istable(L, table) && !lua_isuserdata(L, table))
		luaL_error(L, "%s should be a table (Is a %s)", t->name, luaL_typename(L, table));
	luaL_checkstack(L, 12, NULL);
	size_t head = out->size, words = 0, left = WIRE_WORD_BYTES * (1 + 2 * (size_t)t->field_count);
	int last = -1;
	append(out, left);
	for (uint32_t i = 0; i < t->field_count; i++) {
		struct place p = {out, t, &t->fields[i], 0, depth};
		uint32_t word = 0;
		lua_getfield(L, table, p.field->name);
		if (lua_isnil(L, -1)) {
			lua_pop(L, 1);
			continue;
		}
		if (p.field->array)
			encode_array(&p);
		else
			word = encode_single(&p);
		lua_pop(L, 1);
		int gap = p.field->tag - last - 1;
		if (gap > 0)
			set_word(out, head + WIRE_WORD_BYTES * ++words, (size_t)gap * 2 - 1);
		set_word(out, head + WIRE_WORD_BYTES * ++words, word);
		last = p.field->tag;
	}
	size_t used = WIRE_WORD_BYTES * (1 + words);
	set_word(out, head, words);
	memmove(out->data + head + used, out->data + head + left, out->size - head - left);
	out->size -= left - used;
}

void sproto_encode(struct sproto_buffer *out, const struct sproto_type *t, int table)
{
	encode_struct(out, t, table, 0);
}
