/* SPDX-License-Identifier: MIT
 *
 * skynet's own functions on keys of 8 bytes, as clients compute them too: two 32-bit hashes, a 64-bit
 * authentication code on the compression function of MD5, and a key exchange modulo the largest prime below
 * 2^64. They keep a handshake from being replayed; nobody should believe that 64 bits keep a secret today.
 */
#include "core/base.h"
#include "luabind/cmodule.h"

#include <lauxlib.h>
#include <string.h>
#include <sys/random.h>

enum { KEY_BYTES = 8 };

/* x86-64 only: what lies in memory is little endian, as skynet's keys are. */
static uint64_t check_key(lua_State *L, int index, const char *complaint)
{
	size_t size;
	uint64_t key;
	const char *bytes = luaL_checklstring(L, index, &size);
	if (size != KEY_BYTES)
		luaL_error(L, "%s", complaint);
	memcpy(&key, bytes, KEY_BYTES);
	return key;
}

static int push_key(lua_State *L, uint64_t key)
{
	lua_pushlstring(L, (const char *)&key, KEY_BYTES);
	return 1;
}

static uint64_t hash(const char *text, size_t size)
{
	uint32_t low = 5381, high = 1315423911;
	for (size_t i = 0; i < size; i++) {
		uint32_t c = (unsigned char)text[i];
		low = low * 33 + c;
		high ^= (high << 5) + c + (high >> 2);
	}
	return (uint64_t)high << 32 | low;
}

int crypt_hashkey(lua_State *L)
{
	size_t size;
	const char *text = luaL_checklstring(L, 1, &size);
	return push_key(L, hash(text, size));
}

int crypt_randomkey(lua_State *L)
{
	uint64_t key;
	if (getrandom(&key, sizeof(key), 0) != (ssize_t)sizeof(key))
		return luaL_error(L, "the system has no random bytes");
	/* A key exchange refuses 0. */
	return push_key(L, key ? key : 1);
}

/* ---- the compression function of MD5 (RFC 1321), without the sum that ends it ---- */

static const uint32_t md5_start[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};

/* floor(2^32 * abs(sin(i + 1))) */
static const uint32_t md5_sine[64] = {
	0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613,
	0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193,
	0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d,
	0x02441453, 0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed,
	0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122,
	0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa,
	0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244,
	0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
	0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb,
	0xeb86d391};

static const uint8_t md5_turn[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

static uint32_t md5_mix(int round, uint32_t b, uint32_t c, uint32_t d)
{
	switch (round) {
	case 0:
		return (b & c) | (~b & d);
	case 1:
		return (d & b) | (~d & c);
	case 2:
		return b ^ c ^ d;
	default:
		return c ^ (b | ~d);
	}
}

static void md5_compress(const uint32_t block[16], uint32_t out[4])
{
	static const uint8_t step[4] = {1, 5, 3, 7}, first[4] = {0, 1, 5, 0};
	uint32_t a = md5_start[0], b = md5_start[1], c = md5_start[2], d = md5_start[3];
	for (int i = 0; i < 64; i++) {
		int round = i / 16;
		uint32_t sum = a + md5_mix(round, b, c, d) + md5_sine[i] + block[(i * step[round] + first[round]) % 16];
		int turn = md5_turn[round][i % 4];
		a = d;
		d = c;
		c = b;
		b += sum << turn | sum >> (32 - turn);
	}
	out[0] = a;
	out[1] = b;
	out[2] = c;
	out[3] = d;
}

static uint64_t hmac64(uint64_t x, uint64_t y)
{
	uint32_t block[16], out[4];
	for (int i = 0; i < 16; i += 4) {
		block[i] = (uint32_t)(x >> 32);
		block[i + 1] = (uint32_t)x;
		block[i + 2] = (uint32_t)(y >> 32);
		block[i + 3] = (uint32_t)y;
	}
	md5_compress(block, out);
	return (uint64_t)(out[0] ^ out[1]) << 32 | (out[2] ^ out[3]);
}

int crypt_hmac64(lua_State *L)
{
	uint64_t x = check_key(L, 1, "Invalid uint64 x"), y = check_key(L, 2, "Invalid uint64 y");
	return push_key(L, hmac64(x, y));
}

/* The MD5 of x y x y x y, folded. */
int crypt_hmac64_md5(lua_State *L)
{
	uint64_t x = check_key(L, 1, "Invalid uint64 x"), y = check_key(L, 2, "Invalid uint64 y");
	uint64_t block[8] = {x, y, x, y, x, y, 0x80, 48 * 8};
	uint32_t words[16], out[4];
	memcpy(words, block, sizeof(block));
	md5_compress(words, out);
	for (int i = 0; i < 4; i++)
		out[i] += md5_start[i];
	return push_key(L, (uint64_t)(out[1] ^ out[3]) << 32 | (out[0] ^ out[2]));
}

int crypt_hmac_hash(lua_State *L)
{
	size_t size;
	uint64_t key = check_key(L, 1, "Invalid uint64 key");
	const char *text = luaL_checklstring(L, 2, &size);
	return push_key(L, hmac64(hash(text, size), key));
}

/* ---- key exchange ---- */

#define DH_PRIME     0xffffffffffffffc5ull
#define DH_GENERATOR 5

static uint64_t dh_power(uint64_t base, uint64_t exponent)
{
	uint64_t power = 1;
	/* DH_PRIME itself stays as it is in skynet too, and is the same number. */
	base %= DH_PRIME;
	for (; exponent; exponent >>= 1) {
		if (exponent & 1)
			power = (uint64_t)((unsigned __int128)power * base % DH_PRIME);
		base = (uint64_t)((unsigned __int128)base * base % DH_PRIME);
	}
	return power;
}

int crypt_dhexchange(lua_State *L)
{
	uint64_t secret = check_key(L, 1, "Invalid dh uint64 key");
	if (secret == 0)
		return luaL_error(L, "Can't be 0");
	return push_key(L, dh_power(DH_GENERATOR, secret));
}

/* (what the peer's dhexchange gave, our secret) -> what both have then */
int crypt_dhsecret(lua_State *L)
{
	uint64_t theirs = check_key(L, 1, "Invalid uint64 x"), secret = check_key(L, 2, "Invalid uint64 y");
	if (theirs == 0 || secret == 0)
		return luaL_error(L, "Can't be 0");
	return push_key(L, dh_power(theirs, secret));
}
