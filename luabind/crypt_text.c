/* SPDX-License-Identifier: MIT
 *
 * Bytes to text and back. What is refused, and what is let through, is as in skynet: hexadecimal digits are
 * small letters only, and base64 skips what is not of its alphabet and does without the closing `=`.
 */
#include "core/base.h"
#include "luabind/cmodule.h"

#include <lauxlib.h>

int crypt_hexencode(lua_State *L)
{
	static const char digits[] = "0123456789abcdef";
	size_t size;
	const unsigned char *text = (const unsigned char *)luaL_checklstring(L, 1, &size);
	char *out = lua_newuserdata(L, size * 2);
	for (size_t i = 0; i < size; i++) {
		out[i * 2] = digits[text[i] >> 4];
		out[i * 2 + 1] = digits[text[i] & 15];
	}
	lua_pushlstring(L, out, size * 2);
	return 1;
}

static int digit_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

int crypt_hexdecode(lua_State *L)
{
	size_t size;
	const char *text = luaL_checklstring(L, 1, &size);
	if (size % 2)
		return luaL_error(L, "Invalid hex text size %d", (int)size);
	char *out = lua_newuserdata(L, size / 2);
	for (size_t i = 0; i < size; i += 2) {
		int high = digit_value(text[i]), low = digit_value(text[i + 1]);
		if (high < 0 || low < 0)
			return luaL_error(L, "Invalid hex text");
		out[i / 2] = (char)(high << 4 | low);
	}
	lua_pushlstring(L, out, size / 2);
	return 1;
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int crypt_base64encode(lua_State *L)
{
	size_t size;
	const unsigned char *text = (const unsigned char *)luaL_checklstring(L, 1, &size);
	size_t out_size = (size + 2) / 3 * 4;
	char *out = lua_newuserdata(L, out_size), *to = out;
	for (size_t i = 0; i < size; i += 3) {
		size_t left = size - i;
		uint32_t group = (uint32_t)text[i] << 16;
		if (left > 1)
			group |= (uint32_t)text[i + 1] << 8;
		if (left > 2)
			group |= text[i + 2];
		*to++ = alphabet[group >> 18];
		*to++ = alphabet[group >> 12 & 63];
		*to++ = left > 1 ? alphabet[group >> 6 & 63] : '=';
		*to++ = left > 2 ? alphabet[group & 63] : '=';
	}
	lua_pushlstring(L, out, out_size);
	return 1;
}

enum { SKIPPED = -1, PADDING = -2 };

static int letter_value(char letter)
{
	if (letter >= 'A' && letter <= 'Z')
		return letter - 'A';
	if (letter >= 'a' && letter <= 'z')
		return letter - 'a' + 26;
	if (letter >= '0' && letter <= '9')
		return letter - '0' + 52;
	switch (letter) {
	case '+':
		return 62;
	case '/':
		return 63;
	case '=':
		return PADDING;
	default:
		return SKIPPED;
	}
}

/* Takes four letters, with padding for those that are missing, and returns where the next ones begin. */
static const char *take_group(const char *at, const char *end, int group[4])
{
	for (int i = 0; i < 4;) {
		group[i] = at < end ? letter_value(*at++) : PADDING;
		if (group[i] != SKIPPED)
			i++;
	}
	return at;
}

/* How many bytes the group stands for; 0 when it cannot be one. Bits that no byte takes must be 0. */
static int group_bytes(const int group[4])
{
	int letters = 0;
	while (letters < 4 && group[letters] != PADDING)
		letters++;
	for (int i = letters; i < 4; i++)
		if (group[i] != PADDING)
			return 0;
	if (letters == 3)
		return group[2] & 3 ? 0 : 2;
	if (letters == 2)
		return group[1] & 15 ? 0 : 1;
	return letters == 4 ? 3 : 0;
}

int crypt_base64decode(lua_State *L)
{
	size_t size;
	const char *at = luaL_checklstring(L, 1, &size), *end = at + size;
	unsigned char *out = lua_newuserdata(L, (size + 3) / 4 * 3), *to = out;
	while (at < end) {
		int group[4];
		at = take_group(at, end, group);
		int bytes = group_bytes(group);
		if (bytes == 0)
			return luaL_error(L, "Invalid base64 text");
		uint32_t value = 0;
		for (int i = 0; i < 4; i++)
			value = value << 6 | (group[i] == PADDING ? 0 : (uint32_t)group[i]);
		for (int i = 0; i < bytes; i++)
			*to++ = (unsigned char)(value >> (16 - 8 * i));
	}
	lua_pushlstring(L, (const char *)out, (size_t)(to - out));
	return 1;
}

/* (text, key) -> text xor key, over and over */
int crypt_xor_str(lua_State *L)
{
	size_t size, key_size;
	const char *text = luaL_checklstring(L, 1, &size);
	const char *key = luaL_checklstring(L, 2, &key_size);
	if (key_size == 0)
		return luaL_error(L, "Can't xor empty string");
	char *out = lua_newuserdata(L, size);
	for (size_t i = 0; i < size; i++)
		out[i] = (char)(text[i] ^ key[i % key_size]);
	lua_pushlstring(L, out, size);
	return 1;
}
