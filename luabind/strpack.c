/* SPDX-License-Identifier: MIT
 *
 * A format is read item by item (`next_item`); packing, unpacking and measuring are three walks over the same
 * items. What is packed grows in a luaL_Buffer, so nothing is owned here when an error is raised.
 */
#include "luabind/strpack.h"

#include "core/base.h"
#include "luabind/seri_int64.h"
#include <lauxlib.h>
#include <string.h>

enum {
	INTEGER_BYTES_MAX = 16,
	LUA_INTEGER_BYTES = 8,
	NATIVE_ALIGN = 8, /* x86-64: of a double, a pointer, a 64-bit integer */
	SIZE_MAX_OF_FORMAT = 0x7fffffff,
	SCRATCH_SLOTS = 8, /* of the Lua stack: what seri_int64 needs */
	TYPE_CDATA = 10,
};

enum item_kind {
	ITEM_SIGNED,
	ITEM_UNSIGNED,
	ITEM_FLOAT,
	ITEM_DOUBLE,
	ITEM_FIXED,   /* c: a string of a fixed size */
	ITEM_COUNTED, /* s: its length, then the string */
	ITEM_ZERO,    /* z: the string, then a zero */
	ITEM_PADDING, /* x */
	ITEM_ALIGN,   /* X */
	ITEM_NOTHING, /* a setting or a blank */
};

struct item {
	enum item_kind kind;
	size_t size;    /* bytes; of ITEM_COUNTED, of the length */
	size_t padding; /* zeros before it, for its alignment */
};

struct format {
	lua_State *L;
	const char *at; /* the format ends with a NUL, which is no option */
	bool little;
	size_t align_max;
};

/* ---- reading the format ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The number that follows, or `otherwise`. Stops before it would grow beyond SIZE_MAX_OF_FORMAT: the digits
 * left over are then no option, which is the error. */
static size_t read_number(struct format *f, size_t otherwise)
{
	if (!is_digit(*f->at))
		return otherwise;
	size_t number = 0;
	while (is_digit(*f->at) && number <= (SIZE_MAX_OF_FORMAT - 9) / 10)
		number = number * 10 + (size_t)(*f->at++ - '0');
	return number;
}

static size_t read_integer_size(struct format *f, size_t otherwise)
{
	size_t size = read_number(f, otherwise);
	if (size == 0 || size > INTEGER_BYTES_MAX)
		luaL_error(f->L, "integral size (%d) out of limits [1,%d]", (int)size,
			   INTEGER_BYTES_MAX);
	return size;
}

static struct item make_item(enum item_kind kind, size_t size)
{
	return (struct item){kind, size, 0};
}

static struct item read_setting(struct format *f, char option)
{
	if (option == '!')
		f->align_max = read_integer_size(f, NATIVE_ALIGN);
	else if (option != ' ')
		f->little = option != '>';
	return make_item(ITEM_NOTHING, 0);
}

static struct item read_fixed(struct format *f)
{
	if (!is_digit(*f->at))
		luaL_error(f->L, "missing size for format option 'c'");
	return make_item(ITEM_FIXED, read_number(f, 0));
}

/* One option with its number, without regard to alignment. */
static struct item read_option(struct format *f)
{
	char option = *f->at++;
	switch (option) {
	case 'b':
		return make_item(ITEM_SIGNED, sizeof(char));
	case 'B':
		return make_item(ITEM_UNSIGNED, sizeof(char));
	case 'h':
		return make_item(ITEM_SIGNED, sizeof(short));
	case 'H':
		return make_item(ITEM_UNSIGNED, sizeof(short));
	case 'l':
		return make_item(ITEM_SIGNED, sizeof(long));
	case 'L':
		return make_item(ITEM_UNSIGNED, sizeof(long));
	case 'j':
		return make_item(ITEM_SIGNED, LUA_INTEGER_BYTES);
	case 'J':
		return make_item(ITEM_UNSIGNED, LUA_INTEGER_BYTES);
	case 'T':
		return make_item(ITEM_UNSIGNED, sizeof(size_t));
	case 'i':
		return make_item(ITEM_SIGNED, read_integer_size(f, sizeof(int)));
	case 'I':
		return make_item(ITEM_UNSIGNED, read_integer_size(f, sizeof(int)));
	case 'f':
		return make_item(ITEM_FLOAT, sizeof(float));
	case 'd':
	case 'n':
		return make_item(ITEM_DOUBLE, sizeof(double));
	case 's':
		return make_item(ITEM_COUNTED, read_integer_size(f, sizeof(size_t)));
	case 'c':
		return read_fixed(f);
	case 'z':
		return make_item(ITEM_ZERO, 0);
	case 'x':
		return make_item(ITEM_PADDING, 1);
	case 'X':
		return make_item(ITEM_ALIGN, 0);
	case ' ':
	case '<':
	case '>':
	case '=':
	case '!':
		return read_setting(f, option);
	}
	luaL_error(f->L, "invalid format option '%c'", option);
	return make_item(ITEM_NOTHING, 0);
}

/* What X aligns to: the option after it, which is used up. */
static size_t read_alignment(struct format *f)
{
	struct item like = make_item(ITEM_NOTHING, 0);
	if (*f->at != '\0')
		like = read_option(f);
	if (like.kind == ITEM_FIXED || like.size == 0)
		luaL_argerror(f->L, 1, "invalid next option for option 'X'");
	return like.size;
}

/* The next item of a format that is not at its end. `total` is where in the whole it begins. */
static struct item next_item(struct format *f, size_t total)
{
	struct item item = read_option(f);
	size_t align = item.size;
	if (item.kind == ITEM_ALIGN)
		align = read_alignment(f);
	else if (item.kind >= ITEM_FIXED && item.kind != ITEM_COUNTED)
		return item;
	if (align > f->align_max)
		align = f->align_max;
	if (align <= 1)
		return item;
	if ((align & (align - 1)) != 0)
		luaL_argerror(f->L, 1, "format asks for alignment not power of 2");
	item.padding = (align - (total & (align - 1))) & (align - 1);
	return item;
}

static struct format format_begin(lua_State *L)
{
	luaL_checkstack(L, SCRATCH_SLOTS, "too many values");
	return (struct format){L, luaL_checkstring(L, 1), true, 1};
}

/* ---- packing ---- */

static int64_t check_integer(lua_State *L, int index)
{
	int64_t integer;
	if (lua_type(L, index) == TYPE_CDATA && seri_int64_read(L, index, &integer))
		return integer;
	double number = luaL_checknumber(L, index);
	bool fits = number >= -0x1p63 && number < 0x1p63 && (double)(int64_t)number == number;
	luaL_argcheck(L, fits, index, "number has no integer representation");
	return (int64_t)number;
}

static void check_range(lua_State *L, int index, const struct item *item, int64_t value)
{
	if (item->size >= LUA_INTEGER_BYTES)
		return;
	int64_t limit = (int64_t)1 << (item->size * 8 - 1);
	if (item->kind == ITEM_SIGNED)
		luaL_argcheck(L, -limit <= value && value < limit, index, "integer overflow");
	else
		luaL_argcheck(L, (uint64_t)value < (uint64_t)limit * 2, index, "unsigned overflow");
}

/* Writes bytes given lowest first in the order of the format. */
static void add_bytes(const struct format *f, luaL_Buffer *b, const uint8_t *low_first, size_t size)
{
	for (size_t i = 0; i < size; i++)
		luaL_addchar(b, (char)low_first[f->little ? i : size - 1 - i]);
}

static void add_integer(const struct format *f, luaL_Buffer *b, uint64_t value, size_t size,
			bool negative)
{
	uint8_t bytes[INTEGER_BYTES_MAX];
	memset(bytes, negative ? 0xff : 0, sizeof(bytes));
	memcpy(bytes, &value, sizeof(value));
	add_bytes(f, b, bytes, size);
}

static void add_zeros(luaL_Buffer *b, size_t count)
{
	while (count-- > 0)
		luaL_addchar(b, '\0');
}

static void add_float(const struct format *f, luaL_Buffer *b, double value, size_t size)
{
	float narrow = (float)value;
	uint8_t bytes[sizeof(double)];
	if (size == sizeof(narrow))
		memcpy(bytes, &narrow, sizeof(narrow));
	else
		memcpy(bytes, &value, sizeof(value));
	add_bytes(f, b, bytes, size);
}

/* One of the three kinds of strings. Returns the bytes added. */
static size_t add_string(const struct format *f, luaL_Buffer *b, const struct item *item, int index)
{
	size_t length;
	const char *text = luaL_checklstring(f->L, index, &length);
	size_t added = length;
	if (item->kind == ITEM_COUNTED) {
		bool fits = item->size >= sizeof(length) || length < (size_t)1 << (item->size * 8);
		luaL_argcheck(f->L, fits, index, "string length does not fit in given size");
		add_integer(f, b, length, item->size, false);
		added += item->size;
	} else if (item->kind == ITEM_ZERO) {
		luaL_argcheck(f->L, strlen(text) == length, index, "string contains zeros");
		length++; /* its NUL too */
		added++;
	} else {
		luaL_argcheck(f->L, length <= item->size, index, "string longer than given size");
		added = item->size;
	}
	luaL_addlstring(b, text, length);
	if (item->kind == ITEM_FIXED)
		add_zeros(b, item->size - length);
	return added;
}

/* Adds the item, whose padding is there already, from the argument at `index`. Returns the bytes added. */
static size_t pack_item(const struct format *f, luaL_Buffer *b, const struct item *item, int index)
{
	int64_t value;
	switch (item->kind) {
	case ITEM_SIGNED:
	case ITEM_UNSIGNED:
		value = check_integer(f->L, index);
		check_range(f->L, index, item, value);
		add_integer(f, b, (uint64_t)value, item->size,
			    value < 0 && item->kind == ITEM_SIGNED);
		return item->size;
	case ITEM_FLOAT:
	case ITEM_DOUBLE:
		add_float(f, b, luaL_checknumber(f->L, index), item->size);
		return item->size;
	case ITEM_PADDING:
		luaL_addchar(b, '\0');
		return 1;
	case ITEM_FIXED:
	case ITEM_COUNTED:
	case ITEM_ZERO:
		return add_string(f, b, item, index);
	case ITEM_ALIGN:
	case ITEM_NOTHING:
		break;
	}
	return 0;
}

static bool takes_value(enum item_kind kind)
{
	return kind < ITEM_PADDING;
}

int strpack_pack(lua_State *L)
{
	struct format f = format_begin(L);
	luaL_Buffer b;
	int index = 1;
	size_t total = 0;
	int count = lua_gettop(L);
	lua_pushnil(L); /* so that a missing argument is not taken from what the buffer pushes */
	luaL_buffinit(L, &b);
	while (*f.at) {
		struct item item = next_item(&f, total);
		add_zeros(&b, item.padding);
		total += item.padding;
		if (takes_value(item.kind) && ++index > count + 1)
			index = count + 1;
		total += pack_item(&f, &b, &item, index);
	}
	luaL_pushresult(&b);
	return 1;
}

/* ---- measuring ---- */

int strpack_packsize(lua_State *L)
{
	struct format f = format_begin(L);
	size_t total = 0;
	while (*f.at) {
		struct item item = next_item(&f, total);
		luaL_argcheck(L, item.kind != ITEM_COUNTED && item.kind != ITEM_ZERO, 1,
			      "variable-length format");
		size_t size = item.size + item.padding;
		luaL_argcheck(L, size <= SIZE_MAX_OF_FORMAT && total <= SIZE_MAX_OF_FORMAT - size,
			      1, "format result too large");
		total += size;
	}
	lua_pushinteger(L, (lua_Integer)total);
	return 1;
}

/* ---- unpacking ---- */

struct source {
	const char *text;
	size_t length, at; /* at <= length */
};

static size_t left(const struct source *s)
{
	return s->length - s->at;
}

/* The bytes of an integer or a float, lowest first. */
static void read_bytes(const struct format *f, const char *from, size_t size, uint8_t *low_first)
{
	for (size_t i = 0; i < size; i++)
		low_first[i] = (uint8_t)from[f->little ? i : size - 1 - i];
}

static int64_t read_integer(const struct format *f, const char *from, size_t size, bool is_signed)
{
	uint8_t bytes[INTEGER_BYTES_MAX] = {0};
	uint64_t value;
	read_bytes(f, from, size, bytes);
	bool negative = is_signed && bytes[size - 1] >= 0x80;
	if (size < LUA_INTEGER_BYTES && negative)
		memset(bytes + size, 0xff, LUA_INTEGER_BYTES - size);
	memcpy(&value, bytes, sizeof(value));
	for (size_t i = LUA_INTEGER_BYTES; i < size; i++) {
		bool sign_goes_on = bytes[i] == (is_signed && (int64_t)value < 0 ? 0xff : 0);
		if (!sign_goes_on)
			luaL_error(f->L, "%d-byte integer does not fit into Lua Integer",
				   (int)size);
	}
	return (int64_t)value;
}

static void push_float(const struct format *f, const char *from, size_t size)
{
	uint8_t bytes[sizeof(double)] = {0};
	float narrow;
	double wide;
	read_bytes(f, from, size, bytes);
	memcpy(&narrow, bytes, sizeof(narrow));
	memcpy(&wide, bytes, sizeof(wide));
	/* Any NaN but the canonical one would be taken for another Lua type. */
	double value = size == sizeof(narrow) ? (double)narrow : wide;
	lua_pushnumber(f->L, value == value ? value : 0.0 / 0.0);
}

static void push_counted(const struct format *f, struct source *s, size_t size)
{
	uint64_t length = (uint64_t)read_integer(f, s->text + s->at, size, false);
	s->at += size;
	luaL_argcheck(f->L, length <= left(s), 2, "data string too short");
	lua_pushlstring(f->L, s->text + s->at, (size_t)length);
	s->at += (size_t)length;
}

static void push_zero_ended(const struct format *f, struct source *s)
{
	const char *begin = s->text + s->at;
	const char *zero = memchr(begin, '\0', left(s));
	luaL_argcheck(f->L, zero != NULL, 2, "unfinished string for format 'z'");
	lua_pushlstring(f->L, begin, (size_t)(zero - begin));
	s->at += (size_t)(zero - begin) + 1;
}

/* Pushes the value of the item, whose `size` bytes are there. Returns how many it pushed. */
static int unpack_item(const struct format *f, struct source *s, const struct item *item)
{
	const char *from = s->text + s->at;
	if (item->kind == ITEM_COUNTED) {
		push_counted(f, s, item->size);
		return 1;
	}
	if (item->kind == ITEM_ZERO) {
		push_zero_ended(f, s);
		return 1;
	}
	s->at += item->size;
	switch (item->kind) {
	case ITEM_SIGNED:
	case ITEM_UNSIGNED:
		seri_int64_push(f->L, read_integer(f, from, item->size, item->kind == ITEM_SIGNED));
		return 1;
	case ITEM_FLOAT:
	case ITEM_DOUBLE:
		push_float(f, from, item->size);
		return 1;
	case ITEM_FIXED:
		lua_pushlstring(f->L, from, item->size);
		return 1;
	default:
		return 0;
	}
}

/* Lua's positions count from 1, negative ones from the end. */
static size_t check_position(lua_State *L, size_t length)
{
	double position = (double)(luaL_optnumber(L, 3, 1));
	if (position < 0)
		position = -position > (double)length ? 1 : (double)length + position + 1;
	else if (position < 1)
		position = 1;
	luaL_argcheck(L, position - 1 <= (double)length, 3, "initial position out of string");
	return (size_t)position - 1;
}

int strpack_unpack(lua_State *L)
{
	struct format f = format_begin(L);
	struct source s;
	s.text = luaL_checklstring(L, 2, &s.length);
	s.at = check_position(L, s.length);
	int pushed = 0;
	while (*f.at) {
		struct item item = next_item(&f, s.at);
		bool enough = item.padding <= left(&s) && item.size <= left(&s) - item.padding;
		luaL_argcheck(L, enough, 2, "data string too short");
		luaL_checkstack(L, SCRATCH_SLOTS, "too many results");
		s.at += item.padding;
		pushed += unpack_item(&f, &s, &item);
	}
	lua_pushnumber(L, (lua_Number)(s.at + 1));
	return pushed + 1;
}

void strpack_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"pack", strpack_pack},
		{"unpack", strpack_unpack},
		{"packsize", strpack_packsize},
		{NULL, NULL},
	};
	luaL_register(L, "string", functions);
	lua_pop(L, 1);
}
