/* SPDX-License-Identifier: MIT */
#include "luabind/utf8.h"

#include "core/base.h"
#include <lauxlib.h>
#include <string.h>

enum {
	CODE_MAX = 0x7fffffff, /* of the original design, six bytes; `lax` allows it */
	UNICODE_MAX = 0x10ffff,
	CHARACTER_BYTES_MAX = 6,
};

static const char invalid_code[] = "invalid UTF-8 code";

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* How many bytes a character has that begins with `first`; 0: none begins so. */
static int length_of(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc0)
		return 0;
	int ones = __builtin_clz(~((unsigned)first << 24));
	return ones <= CHARACTER_BYTES_MAX ? ones : 0;
}

/* Reads the character at `at`. Returns how many bytes it has, 0 when it is none: cut off, longer than needed, or
 * in strict mode a surrogate or beyond Unicode. Lua's strings end with a NUL, which stops it in time. */
static int decode(const char *at, bool strict, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000, 0x200000, 0x4000000};
	int length = length_of((unsigned char)at[0]);
	if (length == 0)
		return 0;
	uint32_t value = (unsigned char)at[0];
	if (length > 1)
		value &= 0x7fu >> length;
	for (int i = 1; i < length; i++) {
		if (!is_continuation(at[i]))
			return 0;
		value = value << 6 | ((unsigned char)at[i] & 0x3f);
	}
	if (value < least[length])
		return 0;
	if (strict && (value > UNICODE_MAX || (value >= 0xd800 && value <= 0xdfff)))
		return 0;
	*code = value;
	return length;
}

/* Writes the bytes of `code` into `out`. Returns how many. */
static size_t encode(uint32_t code, char out[CHARACTER_BYTES_MAX])
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	size_t length = 2;
	while (length < CHARACTER_BYTES_MAX && code >> (5 * length + 1) != 0)
		length++;
	for (size_t i = length - 1; i > 0; i--) {
		out[i] = (char)(0x80 | (code & 0x3f));
		code >>= 6;
	}
	out[0] = (char)(0xff00u >> length | code);
	return length;
}

/* Numbers that no string is long enough for, and what is none, become such: a cast of them is undefined. */
static int64_t to_integer(lua_Number number)
{
	if (number > -0x1p53 && number < 0x1p53)
		return (int64_t)number;
	return number > 0 ? INT64_C(1) << 53 : -(INT64_C(1) << 53);
}

/* A position as Lua counts: from 1, negative ones from the end; 0 when it lies before the beginning. */
static int64_t position_at(lua_State *L, int index, int64_t otherwise, size_t length)
{
	int64_t position = to_integer(luaL_optnumber(L, index, (lua_Number)otherwise));
	if (position >= 0)
		return position;
	return -position > (int64_t)length ? 0 : (int64_t)length + position + 1;
}

static int utf8_char(lua_State *L)
{
	luaL_Buffer b;
	int count = lua_gettop(L);
	luaL_buffinit(L, &b);
	for (int i = 1; i <= count; i++) {
		char bytes[CHARACTER_BYTES_MAX];
		lua_Number code = luaL_checknumber(L, i);
		luaL_argcheck(L, code >= 0 && code <= CODE_MAX, i, "value out of range");
		luaL_addlstring(&b, bytes, encode((uint32_t)code, bytes));
	}
	luaL_pushresult(&b);
	return 1;
}

/* (s [, i [, j [, lax]]]) -> the codes of the characters that begin between i and j */
static int utf8_codepoint(lua_State *L)
{
	size_t length;
	const char *s = luaL_checklstring(L, 1, &length);
	int64_t i = position_at(L, 2, 1, length);
	int64_t j = position_at(L, 3, i, length);
	bool strict = !lua_toboolean(L, 4);
	luaL_argcheck(L, i >= 1, 2, "out of bounds");
	luaL_argcheck(L, j <= (int64_t)length, 3, "out of bounds");
	if (i > j)
		return 0;
	if (j - i >= INT32_MAX)
		return luaL_error(L, "string slice too long");
	luaL_checkstack(L, (int)(j - i) + 1, "string slice too long");
	int count = 0;
	for (const char *at = s + i - 1; at < s + j;) {
		uint32_t code;
		int bytes = decode(at, strict, &code);
		if (bytes == 0)
			return luaL_error(L, invalid_code);
		lua_pushnumber(L, code);
		count++;
		at += bytes;
	}
	return count;
}

/* (s [, i [, j [, lax]]]) -> how many characters begin between i and j, or nil and where a bad one is */
static int utf8_len(lua_State *L)
{
	size_t length;
	const char *s = luaL_checklstring(L, 1, &length);
	int64_t i = position_at(L, 2, 1, length);
	int64_t j = position_at(L, 3, -1, length);
	bool strict = !lua_toboolean(L, 4);
	luaL_argcheck(L, i >= 1 && i - 1 <= (int64_t)length, 2, "initial position out of bounds");
	luaL_argcheck(L, j <= (int64_t)length, 3, "final position out of bounds");
	int64_t count = 0;
	for (i--; i < j; count++) {
		uint32_t code;
		int bytes = decode(s + i, strict, &code);
		if (bytes == 0) {
			lua_pushnil(L);
			lua_pushnumber(L, (lua_Number)(i + 1));
			return 2;
		}
		i += bytes;
	}
	lua_pushnumber(L, (lua_Number)count);
	return 1;
}

/* Moves `at` by `count` characters, back when negative. Returns how many are left to go. */
static int64_t walk(const char *s, int64_t length, int64_t *at, int64_t count)
{
	for (; count < 0 && *at > 0; count++) {
		do
			--*at;
		while (*at > 0 && is_continuation(s[*at]));
	}
	for (; count > 0 && *at < length; count--) {
		do
			++*at;
		while (is_continuation(s[*at])); /* the closing NUL is none */
	}
	return count;
}

/* (s, n [, i]) -> where the n-th character counted from i begins; nil when there is none */
static int utf8_offset(lua_State *L)
{
	size_t length;
	const char *s = luaL_checklstring(L, 1, &length);
	int64_t n = to_integer(luaL_checknumber(L, 2));
	int64_t i = position_at(L, 3, n > 0 ? 1 : (int64_t)length + 1, length);
	luaL_argcheck(L, i >= 1 && i - 1 <= (int64_t)length, 3, "position out of bounds");
	i--;
	if (n == 0) {
		while (i > 0 && is_continuation(s[i]))
			i--;
	} else {
		if (is_continuation(s[i]))
			return luaL_error(L, "initial position is a continuation byte");
		n = walk(s, (int64_t)length, &i, n > 0 ? n - 1 : n);
	}
	if (n == 0)
		lua_pushnumber(L, (lua_Number)(i + 1));
	else
		lua_pushnil(L);
	return 1;
}

/* (s, position of the last one) -> position, code. Upvalue: strict. */
static int next_code(lua_State *L)
{
	size_t length;
	const char *s = luaL_checklstring(L, 1, &length);
	int64_t position = to_integer(luaL_checknumber(L, 2));
	size_t at = position < 0 || (size_t)position > length ? length : (size_t)position;
	uint32_t code;
	while (at > 0 && at < length && is_continuation(s[at]))
		at++;
	if (at >= length)
		return 0;
	int bytes = decode(s + at, lua_toboolean(L, lua_upvalueindex(1)), &code);
	if (bytes == 0 || is_continuation(s[at + (size_t)bytes]))
		return luaL_error(L, invalid_code);
	lua_pushnumber(L, (lua_Number)(at + 1));
	lua_pushnumber(L, code);
	return 2;
}

static int utf8_codes(lua_State *L)
{
	const char *s = luaL_checkstring(L, 1);
	luaL_argcheck(L, !is_continuation(s[0]), 1, invalid_code);
	lua_pushboolean(L, !lua_toboolean(L, 2));
	lua_pushcclosure(L, next_code, 1);
	lua_pushvalue(L, 1);
	lua_pushinteger(L, 0);
	return 3;
}

void utf8_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"char", utf8_char}, {"codepoint", utf8_codepoint}, {"codes", utf8_codes},
		{"len", utf8_len},   {"offset", utf8_offset},       {NULL, NULL},
	};
	/* One character of a valid string; %z since patterns of this Lua end at a zero byte. */
	static const char charpattern[] = "[%z\1-\x7F\xC2-\xFD][\x80-\xBF]*";
	luaL_register(L, "utf8", functions);
	lua_pushstring(L, charpattern);
	lua_setfield(L, -2, "charpattern");
	lua_pop(L, 1);
}
