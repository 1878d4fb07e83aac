/* SPDX-License-Identifier: MIT
 *
 * skynet.crypt and md5 against published vectors (FIPS 180, RFC 1321, RFC 2202, RFC 4648, the DES validation set)
 * and, for skynet's own functions, against what skynet computes. Cases are Lua chunks with the modules as
 * globals; `raises(part, f, ...)` wants an error that contains `part`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "luabind/cmodule.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

static const char prelude[] =
	"function hex(s) return (s:gsub('.', function(c) return ('%02x'):format(c:byte()) end)) end\n"
	"function bytes(h) return (h:gsub('%x%x', function(x) return string.char(tonumber(x, 16)) end)) end\n"
	"function is(got, want) if got ~= want then error(tostring(got)..' is not '..tostring(want), 2) end end\n"
	"function raises(part, f, ...)\n"
	"  local ok, text = pcall(f, ...)\n"
	"  if ok or not text:find(part, 1, true) then error('no error '..part..' but '..tostring(text), 2) end\n"
	"end\n"
	"all = {} for i = 0, 255 do all[i + 1] = string.char(i) end all = table.concat(all)\n";

static void run(lua_State *L, const char *chunk)
{
	if (luaL_loadbuffer(L, chunk, strlen(chunk), "=case") || lua_pcall(L, 0, 0, 0))
		fail_msg("%s\nin: %s", lua_tostring(L, -1), chunk);
}

static void run_case(const char *chunk)
{
	static const char *const modules[] = {"skynet.crypt", "crypt", "md5", "md5"};
	lua_State *L = luaL_newstate();
	assert_non_null(L);
	luaL_openlibs(L);
	for (size_t i = 0; i < 4; i += 2) {
		lua_pushcfunction(L, cmodule_find(modules[i]));
		lua_call(L, 0, 1);
		lua_setglobal(L, modules[i + 1]);
	}
	run(L, prelude);
	run(L, chunk);
	lua_close(L);
}

static void test_names(void **state)
{
	(void)state;
	assert_ptr_equal(cmodule_find("client.crypt"), cmodule_find("skynet.crypt"));
	assert_ptr_equal(cmodule_find("md5.core"), cmodule_find("md5"));
	assert_null(cmodule_find("skynet.crypt.none"));
	assert_null(cmodule_find(""));
}

static void test_sha1(void **state)
{
	(void)state;
	run_case("is(hex(crypt.sha1('')), 'da39a3ee5e6b4b0d3255bfef95601890afd80709')\n"
		 "is(hex(crypt.sha1('abc')), 'a9993e364706816aba3e25717850c26c9cd0d89d')\n"
		 "is(hex(crypt.sha1('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq')),\n"
		 "  '84983e441c3bd26ebaae4aa1f95129e5e54670f1')\n"
		 "is(hex(crypt.sha1(('a'):rep(1000000))), '34aa973cd4c4daa4f61eeb2bdbad27316534016f')\n"
		 "is(hex(crypt.hmac_sha1(('\\11'):rep(20), 'Hi There')),\n"
		 "  'b617318655057264e28bc0b6fb378c8ef146be00')\n"
		 "is(hex(crypt.hmac_sha1('Jefe', 'what do ya want for nothing?')),\n"
		 "  'effcdf6ae5eb2fa2d27416d5f184df9c259a7c79')\n"
		 "is(hex(crypt.hmac_sha1(('\\170'):rep(80), 'Test Using Larger Than Block-Size Key - Hash "
		 "Key First')),\n"
		 "  'aa4ae5e15272d00e95705637ce8a3b55ed402112')\n"
		 "is(#crypt.hmac_sha1('', ''), 20)");
}

static void test_des(void **state)
{
	(void)state;
	run_case("local key = bytes('133457799bbcdff1')\n"
		 "is(hex(crypt.desencode(key, bytes('0123456789abcdef'))):sub(1, 16), '85e813540f0ab405')\n"
		 "is(hex(crypt.desencode('12345678', 'hello')), '7e38177924357156')\n"
		 "is(hex(crypt.desencode('12345678', 'hello world, 8by8', 1)),\n"
		 "  '28dba02eb5f6dd4795e13ed53b7dd80e3ccb9f889c4ce9c0')\n"
		 "is(hex(crypt.desencode('12345678', '')), '8d3d438a718b4510')\n"
		 "for _, mode in pairs(crypt.padding) do\n"
		 "  for n = 0, 40 do\n"
		 "    local text = all:sub(1, n)\n"
		 "    local secret = crypt.desencode(key, text, mode)\n"
		 "    is(#secret, n - n % 8 + 8)\n"
		 "    is(crypt.desdecode(key, secret, mode), text)\n"
		 "  end\n"
		 "  is(crypt.desdecode(key, crypt.desencode(key, all:rep(999), mode), mode), all:rep(999))\n"
		 "end\n"
		 "is(crypt.padding.iso7816_4, 0) is(crypt.padding.pkcs7, 1)");
}

static void test_des_refusals(void **state)
{
	(void)state;
	/* One block without padding of its own: encrypt it and cut off the block of padding. */
	run_case("local key = '12345678'\n"
		 "local function block(text) return crypt.desencode(key, text):sub(1, 8) end\n"
		 "raises('Invalid key size 7, need 8 bytes', crypt.desencode, '1234567', 'x')\n"
		 "raises('Invalid key size 9, need 8 bytes', crypt.desdecode, '123456789', 'x')\n"
		 "raises('Invalid des crypt text length 7', crypt.desdecode, key, '1234567')\n"
		 "raises('Invalid des crypt text length 0', crypt.desdecode, key, '')\n"
		 "raises('Invalid padding mode 2', crypt.desencode, key, 'x', 2)\n"
		 "raises('Invalid padding mode -1', crypt.desdecode, key, block('01234567'), -1)\n"
		 "raises('Invalid des crypt text', crypt.desdecode, key, block('01234567'))\n"
		 "raises('Invalid des crypt text', crypt.desdecode, key, block(('\\0'):rep(8)))\n"
		 "raises('Invalid des crypt text', crypt.desdecode, key, block('1234567\\0'), 1)\n"
		 "raises('Invalid des crypt text', crypt.desdecode, key, block('1234567\\9'), 1)\n"
		 "raises('Invalid des crypt text', crypt.desdecode, key, block('123456\\1\\2'), 1)\n"
		 "is(crypt.desdecode(key, block(('\\8'):rep(8)), 1), '')\n"
		 "is(crypt.desdecode(key, block('\\128\\0\\0\\0\\0\\0\\0\\0')), '')");
}

static void test_text(void **state)
{
	(void)state;
	run_case("is(crypt.hexencode('\\0\\1\\254az'), '0001fe617a') is(crypt.hexencode(''), '')\n"
		 "is(crypt.hexdecode(crypt.hexencode(all)), all)\n"
		 "raises('Invalid hex text size 3', crypt.hexdecode, 'abc')\n"
		 "for _, bad in ipairs{'AB', '0g', 'g0', '0x', '  ', '0\\0'} do\n"
		 "  raises('Invalid hex text', crypt.hexdecode, bad)\n"
		 "end\n"
		 "for text, code in pairs{[''] = '', f = 'Zg==', fo = 'Zm8=', foo = 'Zm9v', foob = 'Zm9vYg==',\n"
		 "    fooba = 'Zm9vYmE=', foobar = 'Zm9vYmFy', ['\\251\\255\\191'] = '+/+/'} do\n"
		 "  is(crypt.base64encode(text), code)\n"
		 "  is(crypt.base64decode(code), text)\n"
		 "end\n"
		 "for n = 250, 256 do is(crypt.base64decode(crypt.base64encode(all:sub(1, n))), all:sub(1, n)) "
		 "end\n"
		 "for code, text in pairs{YQ = 'a', ['Y-Q='] = 'a', ['Y W\\nJj'] = 'abc', ['YWI=YWI='] = 'abab'} "
		 "do\n"
		 "  is(crypt.base64decode(code), text)\n"
		 "end\n"
		 "for _, bad in ipairs{'YQ==\\n', 'YR==', 'YWJ=', '====', 'A', 'A===', 'YQ=x', '=YQ=', '\\0'} do\n"
		 "  raises('Invalid base64 text', crypt.base64decode, bad)\n"
		 "end\n"
		 "is(crypt.xor_str('abc', '\\1\\2'), '``b') is(crypt.xor_str('', 'k'), '')\n"
		 "is(crypt.xor_str(crypt.xor_str(all, 'key'), 'key'), all)\n"
		 "raises(\"Can't xor empty string\", crypt.xor_str, 'a', '')");
}

static void test_keys(void **state)
{
	(void)state;
	run_case("is(hex(crypt.hashkey('')), '05150000a7c6674e')\n"
		 "is(hex(crypt.hashkey('equilune')), 'adefb5c484a12748')\n"
		 "is(hex(crypt.hashkey('\\255\\254\\0x')), '1a1ded7c2e84e140')\n"
		 "is(hex(crypt.hmac64('01234567', 'abcdefgh')), 'd80cb7dad6823cb5')\n"
		 "is(hex(crypt.hmac64_md5('01234567', 'abcdefgh')), '4c256abf733141f3')\n"
		 "is(hex(crypt.hmac_hash('01234567', 'hello world')), 'f4e940cfbdb99c17')\n"
		 "local sum = md5.sum(('01234567abcdefgh'):rep(3))\n"
		 "is(crypt.hmac64_md5('01234567', 'abcdefgh'), crypt.xor_str(sum:sub(1, 8), sum:sub(9)))\n"
		 "raises('Invalid uint64 x', crypt.hmac64, '0123456', 'abcdefgh')\n"
		 "raises('Invalid uint64 y', crypt.hmac64_md5, '01234567', 'abcdefghi')\n"
		 "raises('Invalid uint64 key', crypt.hmac_hash, '', 'x')\n"
		 "local seen = {}\n"
		 "for i = 1, 100 do\n"
		 "  local key = crypt.randomkey()\n"
		 "  is(#key, 8) is(seen[key], nil) seen[key] = true\n"
		 "end");
}

static void test_exchange(void **state)
{
	(void)state;
	run_case("is(hex(crypt.dhexchange('01234567')), 'e27ab9f7586053b9')\n"
		 "is(hex(crypt.dhexchange('\\1\\0\\0\\0\\0\\0\\0\\0')), '0500000000000000')\n"
		 "is(hex(crypt.dhexchange(('\\255'):rep(8))), '4e2ea6baf651b377')\n"
		 "is(hex(crypt.dhsecret(crypt.dhexchange('01234567'), 'abcdefgh')), '2c168d5b81fbb32c')\n"
		 "is(hex(crypt.dhsecret(('\\255'):rep(8), 'abcdefgh')), 'e3d74e3785093965')\n"
		 "for i = 1, 50 do\n"
		 "  local a, b = crypt.randomkey(), crypt.randomkey()\n"
		 "  is(crypt.dhsecret(crypt.dhexchange(a), b), crypt.dhsecret(crypt.dhexchange(b), a))\n"
		 "end\n"
		 "local zero = ('\\0'):rep(8)\n"
		 "raises(\"Can't be 0\", crypt.dhexchange, zero)\n"
		 "raises(\"Can't be 0\", crypt.dhsecret, zero, '01234567')\n"
		 "raises(\"Can't be 0\", crypt.dhsecret, '01234567', zero)\n"
		 "raises('Invalid dh uint64 key', crypt.dhexchange, 'x')");
}

static void test_md5(void **state)
{
	(void)state;
	run_case("is(md5.sumhexa(''), 'd41d8cd98f00b204e9800998ecf8427e')\n"
		 "is(md5.sumhexa('abc'), '900150983cd24fb0d6963f7d28e17f72')\n"
		 "is(md5.sumhexa(('1234567890'):rep(8)), '57edf4a22be3c955ac49da2e2107b67a')\n"
		 "is(hex(md5.sum('abc')), md5.sumhexa('abc'))\n"
		 "is(md5.hmacmd5('Hi There', ('\\11'):rep(16)), '9294727a3638bb1c13f48ef8158bfc9d')\n"
		 "is(md5.hmacmd5('what do ya want for nothing?', 'Jefe'), '750c783e6ab0b503eaa86e310a5db738')\n"
		 "is(md5.hmacmd5('Test Using Larger Than Block-Size Key - Hash Key First', ('\\170'):rep(80)),\n"
		 "  '6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd')\n"
		 "is(md5.exor('abc', '\\1\\2\\3'), '```')\n"
		 "raises('lengths must be equal', md5.exor, 'a', 'bc')");
}

static void test_md5_stream(void **state)
{
	(void)state;
	run_case("is(hex(md5.crypt('a text that is longer than one block', 'key', 'seed')),\n"
		 "  '0473656564cec53dbe59bea54d9df9faa7b0167a78e0eac106443bdd63fc9026287232d7c9efe238b3')\n"
		 "is(md5.crypt('', 'k', ''), '\\0')\n"
		 "for n = 0, 70 do is(md5.decrypt(md5.crypt(all:sub(1, n), all, 'seed'), all), all:sub(1, n)) end\n"
		 "is(md5.decrypt(md5.crypt('x', 'k'), 'k'), 'x')\n"
		 "raises('key too long (> 256)', md5.crypt, 'x', all..'x')\n"
		 "raises('seed too long (> 16)', md5.crypt, 'x', 'k', ('s'):rep(17))\n"
		 "for _, bad in ipairs{'', '\\1', '\\17'..('s'):rep(40), '\\255'..('s'):rep(255), '\\16abc'} do\n"
		 "  raises('invalid cyphered string', md5.decrypt, bad, 'k')\n"
		 "end");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),    cmocka_unit_test(test_sha1),
		cmocka_unit_test(test_des),      cmocka_unit_test(test_des_refusals),
		cmocka_unit_test(test_text),     cmocka_unit_test(test_keys),
		cmocka_unit_test(test_exchange), cmocka_unit_test(test_md5),
		cmocka_unit_test(test_md5_stream),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
