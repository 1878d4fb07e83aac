/* SPDX-License-Identifier: MIT
 *
 * The module md5, by OpenSSL. MD5 is broken as a signature; it is here for protocols and files that have it.
 * `crypt` runs MD5 as a stream cipher (cipher feedback over 16 bytes, the key behind the last block), with the
 * seed and its length in front of the text.
 */
#include "core/base.h"
#include "luabind/cmodule.h"

#include <lauxlib.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <time.h>

enum { MD5_BYTES = 16, KEY_BYTES_MAX = 256 };

static void digest(lua_State *L, const void *data, size_t size, unsigned char out[MD5_BYTES])
{
	if (EVP_Digest(data, size, out, NULL, EVP_md5(), NULL) != 1)
		luaL_error(L, "OpenSSL refuses MD5");
}

static int push_hex(lua_State *L, const unsigned char bytes[MD5_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	char text[2 * MD5_BYTES];
	for (int i = 0; i < MD5_BYTES; i++) {
		text[i * 2] = digits[bytes[i] >> 4];
		text[i * 2 + 1] = digits[bytes[i] & 15];
	}
	lua_pushlstring(L, text, sizeof(text));
	return 1;
}

static int md5_sum(lua_State *L)
{
	unsigned char out[MD5_BYTES];
	size_t size;
	const char *text = luaL_checklstring(L, 1, &size);
	digest(L, text, size, out);
	lua_pushlstring(L, (const char *)out, sizeof(out));
	return 1;
}

static int md5_sumhexa(lua_State *L)
{
	unsigned char out[MD5_BYTES];
	size_t size;
	const char *text = luaL_checklstring(L, 1, &size);
	digest(L, text, size, out);
	return push_hex(L, out);
}

/* (text, key) -> hexadecimal */
static int md5_hmacmd5(lua_State *L)
{
	unsigned char out[MD5_BYTES];
	size_t size, key_size;
	const char *text = luaL_checklstring(L, 1, &size), *key = luaL_checklstring(L, 2, &key_size);
	luaL_argcheck(L, key_size <= INT_MAX, 2, "too long");
	if (HMAC(EVP_md5(), key, (int)key_size, (const unsigned char *)text, size, out, NULL) == NULL)
		return luaL_error(L, "OpenSSL refuses MD5");
	return push_hex(L, out);
}

static int md5_exor(lua_State *L)
{
	size_t size, other_size;
	const char *one = luaL_checklstring(L, 1, &size), *other = luaL_checklstring(L, 2, &other_size);
	luaL_argcheck(L, size == other_size, 2, "lengths must be equal");
	char *out = lua_newuserdata(L, size);
	for (size_t i = 0; i < size; i++)
		out[i] = (char)(one[i] ^ other[i]);
	lua_pushlstring(L, out, size);
	return 1;
}

/* ---- crypt and decrypt ---- */

/* What is hashed for the next 16 bytes: the last 16 of the encrypted text (at first the seed, filled up with
 * zeros), then the key. */
struct feedback {
	unsigned char bytes[MD5_BYTES + KEY_BYTES_MAX];
	size_t size;
};

static void feedback_init(lua_State *L, struct feedback *f, const char *seed, size_t seed_size)
{
	size_t key_size;
	const char *key = luaL_checklstring(L, 2, &key_size);
	if (key_size > KEY_BYTES_MAX)
		luaL_error(L, "key too long (> %d)", KEY_BYTES_MAX);
	memset(f->bytes, 0, MD5_BYTES);
	memcpy(f->bytes, seed, seed_size);
	memcpy(f->bytes + MD5_BYTES, key, key_size);
	f->size = MD5_BYTES + key_size;
}

static void feedback_run(lua_State *L, struct feedback *f, const char *from, size_t size, char *to, bool encrypt)
{
	for (size_t i = 0; i < size; i++) {
		size_t at = i % MD5_BYTES;
		if (at == 0)
			digest(L, f->bytes, f->size, f->bytes);
		char in = from[i];
		to[i] = (char)(f->bytes[at] ^ in);
		/* The place of a byte of the hash that has been used takes the byte of the encrypted text. */
		f->bytes[at] = (unsigned char)(encrypt ? to[i] : in);
	}
}

/* (text, key [, seed]) */
static int md5_crypt(lua_State *L)
{
	struct feedback f;
	size_t size, seed_size = sizeof(time_t);
	time_t now = time(NULL);
	const char *text = luaL_checklstring(L, 1, &size), *seed = (const char *)&now;
	if (!lua_isnone(L, 3))
		seed = luaL_checklstring(L, 3, &seed_size);
	if (seed_size > MD5_BYTES)
		return luaL_error(L, "seed too long (> %d)", MD5_BYTES);
	feedback_init(L, &f, seed, seed_size);
	char *out = lua_newuserdata(L, 1 + seed_size + size);
	out[0] = (char)seed_size;
	memcpy(out + 1, seed, seed_size);
	feedback_run(L, &f, text, size, out + 1 + seed_size, true);
	lua_pushlstring(L, out, 1 + seed_size + size);
	return 1;
}

/* (what crypt gave, key) */
static int md5_decrypt(lua_State *L)
{
	struct feedback f;
	size_t size;
	const char *text = luaL_checklstring(L, 1, &size);
	size_t seed_size = (unsigned char)text[0]; /* the closing NUL when it is empty */
	luaL_argcheck(L, seed_size <= MD5_BYTES && size >= seed_size + 1, 1, "invalid cyphered string");
	feedback_init(L, &f, text + 1, seed_size);
	size -= seed_size + 1;
	char *out = lua_newuserdata(L, size);
	feedback_run(L, &f, text + 1 + seed_size, size, out, false);
	lua_pushlstring(L, out, size);
	return 1;
}

static const luaL_Reg functions[] = {
	{"sum", md5_sum},   {"sumhexa", md5_sumhexa}, {"hmacmd5", md5_hmacmd5}, {"exor", md5_exor},
	{"crypt", md5_crypt}, {"decrypt", md5_decrypt}, {NULL, NULL},
};

int md5_open(lua_State *L)
{
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	return 1;
}
