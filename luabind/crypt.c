/* SPDX-License-Identifier: MIT
 *
 * skynet.crypt: SHA-1, HMAC and DES by OpenSSL; the rest is in crypt_text.c and crypt_key.c.
 *
 * Single DES is triple DES with the same key three times, which OpenSSL's default provider has; its legacy
 * provider would be a file more to find at run time. No Lua error is raised while an OpenSSL object is held.
 */
#include "core/base.h"
#include "luabind/cmodule.h"

#include <lauxlib.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <string.h>

enum { DES_BYTES = 8 };
enum padding { PADDING_ISO7816_4, PADDING_PKCS7, PADDING_COUNT };

static int crypt_sha1(lua_State *L)
{
	unsigned char digest[SHA_DIGEST_LENGTH];
	size_t size;
	const char *text = luaL_checklstring(L, 1, &size);
	if (EVP_Digest(text, size, digest, NULL, EVP_sha1(), NULL) != 1)
		return luaL_error(L, "OpenSSL refuses SHA-1");
	lua_pushlstring(L, (const char *)digest, sizeof(digest));
	return 1;
}

/* (key, text) */
static int crypt_hmac_sha1(lua_State *L)
{
	unsigned char digest[SHA_DIGEST_LENGTH];
	size_t key_size, size;
	const char *key = luaL_checklstring(L, 1, &key_size);
	const char *text = luaL_checklstring(L, 2, &size);
	luaL_argcheck(L, key_size <= INT_MAX, 1, "too long");
	if (HMAC(EVP_sha1(), key, (int)key_size, (const unsigned char *)text, size, digest, NULL) == NULL)
		return luaL_error(L, "OpenSSL refuses SHA-1");
	lua_pushlstring(L, (const char *)digest, sizeof(digest));
	return 1;
}

/* ---- DES, blocks on their own (ECB) ---- */

/* `size` is a multiple of 8; in place is fine. False: OpenSSL refused. */
static bool des_blocks(const char *key, bool encrypt, const void *from, void *to, size_t size)
{
	unsigned char triple[3 * DES_BYTES];
	int written;
	for (int i = 0; i < 3; i++)
		memcpy(triple + i * DES_BYTES, key, DES_BYTES);
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	bool done = context && EVP_CipherInit_ex(context, EVP_des_ede3_ecb(), NULL, triple, NULL, encrypt) == 1 &&
		    EVP_CIPHER_CTX_set_padding(context, 0) == 1 &&
		    EVP_CipherUpdate(context, to, &written, from, (int)size) == 1 && (size_t)written == size;
	EVP_CIPHER_CTX_free(context);
	return done;
}

static const char *check_des_key(lua_State *L)
{
	size_t size;
	const char *key = luaL_checklstring(L, 1, &size);
	if (size != DES_BYTES)
		luaL_error(L, "Invalid key size %d, need 8 bytes", (int)size);
	return key;
}

static enum padding check_padding(lua_State *L)
{
	lua_Integer mode = luaL_optinteger(L, 3, PADDING_ISO7816_4);
	if (mode < 0 || mode >= PADDING_COUNT)
		luaL_error(L, "Invalid padding mode %d", (int)mode);
	return (enum padding)mode;
}

/* (key, text [, padding]) */
static int crypt_desencode(lua_State *L)
{
	size_t size;
	const char *key = check_des_key(L), *text = luaL_checklstring(L, 2, &size);
	enum padding mode = check_padding(L);
	luaL_argcheck(L, size < INT_MAX - DES_BYTES, 2, "too long");
	size_t added = DES_BYTES - size % DES_BYTES;
	char *out = lua_newuserdata(L, size + added);
	memcpy(out, text, size);
	memset(out + size, mode == PADDING_PKCS7 ? (int)added : 0, added);
	if (mode == PADDING_ISO7816_4)
		out[size] = (char)0x80;
	if (!des_blocks(key, true, out, out, size + added))
		return luaL_error(L, "OpenSSL refuses DES");
	lua_pushlstring(L, out, size + added);
	return 1;
}

/* How many bytes of padding end the last block; 0 when that is none. */
static size_t padding_bytes(const unsigned char block[DES_BYTES], enum padding mode)
{
	size_t bytes = 1;
	if (mode == PADDING_ISO7816_4) {
		while (bytes < DES_BYTES && block[DES_BYTES - bytes] == 0)
			bytes++;
		return block[DES_BYTES - bytes] == 0x80 ? bytes : 0;
	}
	size_t told = block[DES_BYTES - 1];
	if (told == 0 || told > DES_BYTES)
		return 0;
	while (bytes < told && block[DES_BYTES - 1 - bytes] == told)
		bytes++;
	return bytes == told ? told : 0;
}

/* (key, text [, padding]) */
static int crypt_desdecode(lua_State *L)
{
	size_t size;
	const char *key = check_des_key(L), *text = luaL_checklstring(L, 2, &size);
	if (size == 0 || size % DES_BYTES || size > INT_MAX)
		return luaL_error(L, "Invalid des crypt text length %d", (int)size);
	enum padding mode = check_padding(L);
	unsigned char *out = lua_newuserdata(L, size);
	if (!des_blocks(key, false, text, out, size))
		return luaL_error(L, "OpenSSL refuses DES");
	size_t added = padding_bytes(out + size - DES_BYTES, mode);
	if (added == 0)
		return luaL_error(L, "Invalid des crypt text");
	lua_pushlstring(L, (const char *)out, size - added);
	return 1;
}

/* ---- the module ---- */

static const luaL_Reg functions[] = {
	{"hashkey", crypt_hashkey},
	{"randomkey", crypt_randomkey},
	{"desencode", crypt_desencode},
	{"desdecode", crypt_desdecode},
	{"hexencode", crypt_hexencode},
	{"hexdecode", crypt_hexdecode},
	{"hmac64", crypt_hmac64},
	{"hmac64_md5", crypt_hmac64_md5},
	{"hmac_hash", crypt_hmac_hash},
	{"dhexchange", crypt_dhexchange},
	{"dhsecret", crypt_dhsecret},
	{"base64encode", crypt_base64encode},
	{"base64decode", crypt_base64decode},
	{"sha1", crypt_sha1},
	{"hmac_sha1", crypt_hmac_sha1},
	{"xor_str", crypt_xor_str},
	{NULL, NULL},
};

int crypt_open(lua_State *L)
{
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	lua_createtable(L, 0, 2);
	lua_pushinteger(L, PADDING_ISO7816_4);
	lua_setfield(L, -2, "iso7816_4");
	lua_pushinteger(L, PADDING_PKCS7);
	lua_setfield(L, -2, "pkcs7");
	lua_setfield(L, -2, "padding");
	return 1;
}
