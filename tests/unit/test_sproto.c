/* SPDX-License-Identifier: MIT
 *
 * sproto against the examples that are published with its wire format and its zero packing; schemas; requests and
 * responses; and bytes from hostile peers. Lua chunks, with sproto and its parser as they ship; `hex(s)` and
 * `bytes "01 02"` translate.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "luabind/cmodule.h"
#include "luabind/embedded.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

static int find_module(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	const struct embedded *e = embedded_find("module", name);
	lua_CFunction open = cmodule_find(name);
	if (e) {
		if (luaL_loadbuffer(L, (const char *)e->source, e->size_bytes, e->chunkname))
			lua_error(L);
	} else if (open) {
		lua_pushcfunction(L, open);
	} else {
		lua_pushnil(L);
	}
	return 1;
}

static const char prelude[] =
	"package.loaders[2] = find_module\n"
	"sproto, parser, core = require 'sproto', require 'sprotoparser', require 'sproto.core'\n"
	"function hex(s) return (s:gsub('.', function(c) return ('%02x '):format(c:byte()) end):sub(1, -2)) end\n"
	"function bytes(h)\n"
	"  return (h:gsub('%s', ''):gsub('%x%x', function(x) return string.char(tonumber(x, 16)) end))\n"
	"end\n"
	"function is(got, want) if got ~= want then error(tostring(got)..' is not '..tostring(want), 2) end end\n"
	"function raises(part, f, ...)\n"
	"  local ok, text = pcall(f, ...)\n"
	"  if ok or not tostring(text):find(part, 1, true) then error('no error '..part..' but '..tostring(text), 2) "
	"end\n"
	"end\n"
	"function same(a, b)\n"
	"  if type(a) ~= 'table' or type(b) ~= 'table' then return a == b end\n"
	"  for k, v in pairs(a) do if not same(v, b[k]) then return false end end\n"
	"  for k in pairs(b) do if a[k] == nil then return false end end\n"
	"  return true\n"
	"end\n"
	"sp = sproto.parse [[\n"
	".Person { name 0 : string\n age 1 : integer # years\n marital 2 : boolean\n children 3 : *Person }\n"
	".Data {\n"
	"  numbers 0 : *integer\n bools 1 : *boolean\n number 2 : integer\n bignumber 3 : integer\n"
	"  double 4 : double\n doubles 5 : *double\n fpn 6 : integer(2)\n"
	"}\n"
	"]]\n"
	/* Both ways. */
	"function golden(name, value, want)\n"
	"  is(hex(sp:encode(name, value)), hex(bytes(want)))\n"
	"  local got, taken = sp:decode(name, bytes(want))\n"
	"  is(taken, #bytes(want))\n"
	"  if not same(got, value) then error('came back different', 2) end\n"
	"  if not same(sp:pdecode(name, sp:pencode(name, value)), value) then error('packing changed it', 2) end\n"
	"end\n";

static void run(lua_State *L, const char *chunk)
{
	if (luaL_loadbuffer(L, chunk, strlen(chunk), "=case") || lua_pcall(L, 0, 0, 0))
		fail_msg("%s\nin: %s", lua_tostring(L, -1), chunk);
}

static void run_case(const char *chunk)
{
	lua_State *L = luaL_newstate();
	assert_non_null(L);
	luaL_openlibs(L);
	lua_register(L, "find_module", find_module);
	run(L, prelude);
	run(L, chunk);
	lua_close(L);
}

static void test_examples(void **state)
{
	(void)state;
	run_case(
		"golden('Person', {name = 'Alice', age = 13, marital = false},\n"
		"  '03 00 00 00 1C 00 02 00 05 00 00 00 41 6C 69 63 65')\n"
		"golden('Person', {name = 'Bob', age = 40, children = {{name = 'Alice', age = 13}, {name = 'Carol', age = 5}}},\n"
		"  [[04 00 00 00 52 00 01 00 00 00 03 00 00 00 42 6F 62 26 00 00 00\n"
		"  0F 00 00 00 02 00 00 00 1C 00 05 00 00 00 41 6C 69 63 65\n"
		"  0F 00 00 00 02 00 00 00 0C 00 05 00 00 00 43 61 72 6F 6C]])\n"
		"golden('Data', {numbers = {1, 2, 3, 4, 5}},\n"
		"  '01 00 00 00 15 00 00 00 04 01 00 00 00 02 00 00 00 03 00 00 00 04 00 00 00 05 00 00 00')\n"
		"golden('Data', {numbers = {2^32 + 1, 2^32 + 2, 2^32 + 3}},\n"
		"  '01 00 00 00 19 00 00 00 08 01 00 00 00 01 00 00 00 02 00 00 00 01 00 00 00 03 00 00 00 01 00 00 00')\n"
		"golden('Data', {bools = {false, true, false}}, '02 00 01 00 00 00 03 00 00 00 00 01 00')\n"
		"golden('Data', {number = 100000, bignumber = -10000000000},\n"
		"  '03 00 03 00 00 00 00 00 04 00 00 00 A0 86 01 00 08 00 00 00 00 1C F4 AB FD FF FF FF')\n"
		"golden('Data', {double = 0.01171875, doubles = {0.01171875, 23, 4}},\n"
		"  [[03 00 07 00 00 00 00 00 08 00 00 00 00 00 00 00 00 00 88 3f\n"
		"  19 00 00 00 08 00 00 00 00 00 00 88 3f 00 00 00 00 00 00 37 40 00 00 00 00 00 00 10 40]])\n"
		"golden('Data', {fpn = 1.82}, '02 00 0b 00 6e 01')");
}

static void test_integers(void **state)
{
	(void)state;
	run_case("golden('Data', {}, '00 00') golden('Data', {numbers = {}}, '01 00 00 00 00 00 00 00')\n"
		 "golden('Data', {number = 0}, '02 00 03 00 02 00')\n"
		 "golden('Data', {number = 32766}, '02 00 03 00 fe ff')\n"
		 "golden('Data', {number = 32767}, '02 00 03 00 00 00 04 00 00 00 ff 7f 00 00')\n"
		 "golden('Data', {number = -1}, '02 00 03 00 00 00 04 00 00 00 ff ff ff ff')\n"
		 "golden('Data', {number = 2^31}, '02 00 03 00 00 00 08 00 00 00 00 00 00 80 00 00 00 00')\n"
		 /* Those of four bytes before the first of eight are widened, with their sign. */
		 "golden('Data', {numbers = {-1, 2^31 - 1, 2^40}},\n"
		 "  [[01 00 00 00 19 00 00 00 08 ff ff ff ff ff ff ff ff ff ff ff 7f 00 00 00 00 00 00 00 00 00 01 00 00]])\n"
		 /* Beyond 2^53 they are int64_t. */
		 "local big = 0x7fffffffffffffffLL\n"
		 "local got = sp:decode('Data', sp:encode('Data', {number = big, numbers = {big, 1, -big - 1}}))\n"
		 "is(got.number, big) is(got.numbers[1], big) is(got.numbers[2], 1) is(got.numbers[3], -big - 1)\n"
		 "is(type(sp:decode('Data', sp:encode('Data', {number = 7LL})).number), 'number')\n"
		 "is(sp:decode('Data', sp:encode('Data', {fpn = -12.345})).fpn, -12.35)\n"
		 "raises('Data.number[0] is not an integer (Is a string)', sp.encode, sp, 'Data', {number = 'x'})\n"
		 "raises('Data.number[0] is not an integer (Is a number)', sp.encode, sp, 'Data', {number = 1.5})\n"
		 "raises('Data.number[0] is not an integer (Is a number)', sp.encode, sp, 'Data', {number = 2^63})\n"
		 "raises('Data.number[0] is not an integer (Is a number)', sp.encode, sp, 'Data', {number = 0/0})\n"
		 "raises('Data.numbers[2] is not an integer (Is a table)', sp.encode, sp, 'Data', {numbers = {1, {}}})\n"
		 "raises('Data.bools[1] is not a boolean (Is a number)', sp.encode, sp, 'Data', {bools = {1}})\n"
		 "raises('Data.double[0] is not a number (Is a table)', sp.encode, sp, 'Data', {double = {}})\n"
		 "raises('Person.name[0] is not a string (Is a boolean)', sp.encode, sp, 'Person', {name = true})\n"
		 "raises('Person.name[0] is not a string (Is a number)', sp.encode, sp, 'Person', {name = 5})\n"
		 "raises('Data.numbers(1) should be a table', sp.encode, sp, 'Data', {numbers = 5})\n"
		 "raises('should be a table (Is a number)', sp.encode, sp, 'Person', {children = {5}})\n"
		 "raises('should be a table (Is a nil)', sp.encode, sp, 'Person', nil)");
}

static void test_packing(void **state)
{
	(void)state;
	run_case("is(hex(core.pack(bytes '08 00 00 00 03 00 02 00 19 00 00 00 aa 01 00 00')),\n"
		 "  '51 08 03 02 31 19 aa 01')\n"
		 "is(hex(core.pack(('\\138'):rep(30))), 'ff 03 '..('8a '):rep(30)..'00 00')\n"
		 "is(core.pack(''), '') is(core.unpack(''), '')\n"
		 "is(hex(core.pack '\\1'), '01 01') is(hex(core.unpack '\\1\\1'), '01 00 00 00 00 00 00 00')\n"
		 "local random = 1\n"
		 "local function next_byte(zeros)\n"
		 "  random = random * 16807 % 2147483647\n"
		 "  return random % 100 < zeros and '\\0' or string.char(random % 256)\n"
		 "end\n"
		 "for _, zeros in ipairs{0, 5, 20, 50, 90, 100} do\n"
		 "  for n = 1, 6000, 301 do\n"
		 "    local t = {}\n"
		 "    for i = 1, n do t[i] = next_byte(zeros) end\n"
		 "    local text = table.concat(t)\n"
		 "    local packed = core.pack(text)\n"
		 "    is(core.unpack(packed), text..('\\0'):rep(-n % 8))\n"
		 "    assert(#packed <= n + 8 + n / 8)\n"
		 "  end\n"
		 "end\n"
		 "is(#core.pack(('x'):rep(8 * 257)), 2 + 8 * 256 + 2 + 8)\n"
		 "for _, bad in ipairs{'\\1', '\\255', '\\255\\0', '\\255\\1'..('x'):rep(15), '\\3x', '\\0\\128'} do\n"
		 "  raises('Invalid unpack stream', core.unpack, bad)\n"
		 "end");
}

static void test_maps(void **state)
{
	(void)state;
	run_case(
		"sp = sproto.parse [[\n"
		".P { id 0 : integer name 1 : string }\n"
		".KV { value 5 : P key 2 : string }\n"
		".All { by_id 0 : *P(id) by_name 1 : *P(name) map 2 : *KV() }\n"
		"]]\n"
		"local v = {by_id = {[7] = {id = 7, name = 'x'}, [9] = {id = 9}},\n"
		"  by_name = {x = {name = 'x'}}, map = {k = {id = 1}, l = {name = 'n'}}}\n"
		"assert(same(sp:decode('All', sp:encode('All', v)), v))\n"
		"local proxy = setmetatable({}, {__pairs = function() return next, v.map, nil end})\n"
		"assert(same(sp:decode('All', sp:encode('All', {map = proxy})), {map = v.map}))\n"
		"raises(\"Can't find main index (tag=0) in [by_id]\", sp.decode, sp, 'All',\n"
		"  sp:encode('All', {by_id = {{name = 'no id'}}}))\n"
		"local list = sproto.parse '.KV { key 2 : string value 5 : string } .All { map 2 : *KV }'\n"
		"local kv = sproto.parse '.KV { key 2 : string value 5 : string } .All { map 2 : *KV() }'\n"
		"raises(\"Can't find key field in [map]\", kv.decode, kv, 'All', list:encode('All', {map = {{value = 'v'}}}))\n"
		"raises(\"Can't find value field in [map]\", kv.decode, kv, 'All', list:encode('All', {map = {{key = "
		"'k'}}}))\n"
		"raises('Invalid map definition: m, must only have two fields', sproto.parse,\n"
		"  '.T { a 0 : string } .U { m 0 : *T() }')\n"
		"raises('Invalid map index :b', sproto.parse, '.T { a 0 : string } .U { m 0 : *T(b) }')");
}

static void test_schemas(void **state)
{
	(void)state;
	run_case(
		"is(hex(parser.parse ''), '00 00')\n"
		/* The bytes of a schema, word by word from the schema of schemas. */
		"is(hex(parser.parse '.T { a 0 : string } p 3 { request T response nil }'), hex(bytes [[\n"
		"  02 00 00 00 00 00\n"
		"  26 00 00 00 22 00 00 00 02 00 00 00 00 00 01 00 00 00 54\n"
		"    13 00 00 00 0f 00 00 00 04 00 00 00 06 00 01 00 02 00 01 00 00 00 61\n"
		"  15 00 00 00 11 00 00 00 05 00 00 00 08 00 02 00 01 00 04 00 01 00 00 00 70]]))\n"
		"local s = sproto.parse [[\n"
		".A { .B { c 0 : C .C { x 0 : string } } b 0 : B c 1 : C } # C: the one at the top\n"
		".C { y 0 : integer }\n"
		"]]\n"
		"assert(same(s:decode('A', s:encode('A', {b = {c = {x = 's'}}, c = {y = 1}})), {b = {c = {x = 's'}}, c = {y = "
		"1}}))\n"
		"is(s:exist_type 'A.B.C', true) is(s:exist_type 'B', false)\n"
		"raises('type not found', s.encode, s, 'B', {})\n"
		"for text, why in pairs{\n"
		"    ['.T {\\n a 0 : string\\n b x : string }'] = 'syntax error at [=text] line (3)',\n"
		"    ['.T {'] = 'syntax error', ['T'] = 'syntax error', ['}'] = 'syntax error', ['.T { a 0 string }'] = 'syntax "
		"error',\n"
		"    ['.T { a 0 : U }'] = 'Undefined type U in type T', ['.T {} .T {}'] = 'redefined T',\n"
		"    ['.T { a 0 : string a 1 : string }'] = 'redefine a in type T',\n"
		"    ['.T { a 0 : string b 0 : string }'] = 'redefine tag 0 in type T',\n"
		"    ['p 1 {} q 1 {}'] = 'redefined protocol tag 1 at ', ['p 1 {} p 2 {}'] = 'redefined p',\n"
		"    ['p 1 { request T }'] = 'Undefined request type T in protocol p',\n"
		"    ['p 1 { response {} response nil response {} }'] = 'redefine',\n"
		"    ['.T { a 40000 : string }'] = 'greater than 32766', ['.T { a 0 : string. }'] = 'syntax error',\n"
		"    ['.T { a 0 : @ }'] = 'syntax error'} do\n"
		"  raises(why, sproto.parse, text)\n"
		"end\n"
		"local d = sproto.parse [[.S {} .T { i 0 : integer b 1 : boolean s 2 : string d 3 : double t 4 : S l 5 : *S n 6 : "
		"*integer }]]\n"
		"assert(same(d:default 'T', {i = 0, b = false, s = '', d = 0, t = {__type = 'S'}, l = {__array = 'S'}, n = "
		"{__array = 0}}))");
}

static void test_rpc(void **state)
{
	(void)state;
	run_case(
		"local text = [[\n"
		".package { type 0 : integer session 1 : integer ud 2 : string }\n"
		"get 1 { request { what 0 : string } response { result 0 : string } }\n"
		"set 2 { request { what 0 : string } }\n"
		"quit 3 {}\n"
		"sure 4 { response nil }\n"
		"]]\n"
		"local server, client = sproto.parse(text):host(), sproto.parse(text)\n"
		"local client_host = client:host 'package'\n"
		"local request = client_host:attach(sproto.parse(text))\n"
		"local kind, name, args, respond, ud = server:dispatch(request('get', {what = 'hello'}, 1, 'mark'))\n"
		"is(kind, 'REQUEST') is(name, 'get') is(args.what, 'hello') is(ud, 'mark')\n"
		"local kind, session, args, ud = client_host:dispatch(respond({result = 'world'}, 'back'))\n"
		"is(kind, 'RESPONSE') is(session, 1) is(args.result, 'world') is(ud, 'back')\n"
		"raises('Unknown session', client_host.dispatch, client_host, respond({}))\n"
		"kind, name, args, respond = server:dispatch(request('set', {what = 'x'}))\n"
		"is(name, 'set') is(args.what, 'x') is(respond, nil)\n"
		"kind, name, args, respond = server:dispatch(request('quit', nil, 7))\n"
		"is(name, 'quit') is(args, nil)\n"
		"kind, session, args = client_host:dispatch(respond()) is(session, 7) is(args, nil)\n"
		"kind, name, args, respond = server:dispatch(request('sure', nil, 8))\n"
		"kind, session, args = client_host:dispatch(respond()) is(session, 8) is(args, nil)\n"
		"raises('session not found', server.dispatch, server, core.pack(client:encode('package', {})))\n"
		"raises('nope not found', request, 'nope', {}, 9)\n"
		"raises('99 not found', server.dispatch, server, core.pack(client:encode('package', {type = 99})))\n"
		"raises('type package not found', client.host, client, 'none')\n"
		"is(client:exist_proto 'get', true) is(client:exist_proto 'nope', false) is(client:exist_proto(2), true)\n"
		"local bytes, tag = client:request_encode('get', {what = 'a'}) is(tag, 1)\n"
		"local got, name = client:request_decode(1, bytes) is(got.what, 'a') is(name, 'get')\n"
		"is(client:request_encode('quit'), '') is(client:response_encode('set'), '') is(client:response_encode('sure'), "
		"'')\n"
		"is(client:response_decode('get', client:response_encode('get', {result = 'r'})).result, 'r')\n"
		"is(client:default('get', 'RESPONSE').result, '') is(client:default('set', 'RESPONSE'), nil)\n"
		"is(client:default('sure', 'RESPONSE'), nil) raises('Invalid type', client.default, client, 'get', 'x')");
}

static void test_hostile(void **state)
{
	(void)state;
	run_case(
		"for _, bad in ipairs{'', '00', '01 00', '01 00 00 00', '01 00 00 00 05 00 00 00 41', '01 00 02 00',\n"
		"    '01 00 00 00 ff ff ff ff', '02 00 00 00', 'ff ff', '02 00 03 00 00 00 04 00 00 00 01 00 00 00'} do\n"
		"  raises('decode error', sp.decode, sp, 'Person', bytes(bad))\n"
		"end\n"
		"for _, bad in ipairs{'01 00 02 00', '01 00 00 00 02 00 00 00 04 00', '01 00 00 00 01 00 00 00 05',\n"
		"    '01 00 00 00 01 00 00 00 00', '02 00 0b 00 00 00 03 00 00 00 01 02 03',\n"
		"    '02 00 09 00 00 00 05 00 00 00 04 00 00 00 00', '02 00 07 00 04 00'} do\n"
		"  raises('decode error', sp.decode, sp, 'Data', bytes(bad))\n"
		"end\n"
		/* Fields of a newer schema are skipped, whatever they are. */
		"assert(same(sp:decode('Person', bytes '03 00 00 00 0b 00 00 00 01 00 00 00 41 02 00 00 00 00 00'), {name = "
		"'A'}))\n"
		/* Too deep: children of children. */
		"local deep = {} local top = deep\n"
		"for i = 1, 100 do top.children = {{}} top = top.children[1] end\n"
		"raises('The table is too deep', sp.encode, sp, 'Person', deep)\n"
		"local loop = {} loop.children = {loop}\n"
		"raises('The table is too deep', sp.encode, sp, 'Person', loop)\n"
		"local function u32(n) return string.char(n % 256, math.floor(n / 256) % 256, 0, 0) end\n"
		"local one = '\\0\\0'\n"
		"for i = 1, 100 do one = bytes '02 00 05 00 00 00'..u32(#one + 4)..u32(#one)..one end\n"
		"raises('The table is too deep', sp.decode, sp, 'Person', one)\n"
		"raises('object is too large (>16777216)', sp.encode, sp, 'Person', {name = ('x'):rep(2^24)})\n"
		"for _, bad in ipairs{nil, true, 7, 'x', {}, io.stdout, sp.__cobj} do\n"
		"  raises('Need a sproto_type object', core.encode, bad, {})\n"
		"end\n"
		"raises('Need a sproto object', core.querytype, io.stdout, 'x')\n"
		"raises('Need a sproto object', core.querytype, core.querytype(sp.__cobj, 'Person'), 'x')");
}

static void test_hostile_schemas(void **state)
{
	(void)state;
	/* Each byte of a good schema changed: a schema or none, and what it is works. */
	run_case("local good = parser.parse [[\n"
		 ".T { a 0 : string b 1 : integer(3) c 2 : *T(a) .M { k 0 : string v 1 : T } d 5 : *M() }\n"
		 "p 3 { request T response nil } q 9 { response { x 0 : boolean } }]]\n"
		 "local made = 0\n"
		 "for at = 1, #good do\n"
		 "  for _, new in ipairs{0, 1, 2, 5, 255} do\n"
		 "    local bad = good:sub(1, at - 1)..string.char(new)..good:sub(at + 1)\n"
		 "    local schema, why = core.newproto(bad)\n"
		 "    if schema then\n"
		 "      made = made + 1\n"
		 "      local t = core.querytype(schema, 'T')\n"
		 "      if t then core.default(t) pcall(core.encode, t, {a = 'x', b = 1, c = {{a = 'y'}}, d = {k = {}}}) end\n"
		 "    else\n"
		 "      is(why, 'the bytes are no sproto schema')\n"
		 "    end\n"
		 "  end\n"
		 "end\n"
		 "assert(made > 10)\n"
		 "for n = 0, #good - 1 do is(core.newproto(good:sub(1, n)), nil) end\n"
		 "raises('no sproto schema', sproto.new, 'x')");
}

static void test_lifetimes(void **state)
{
	(void)state;
	run_case("local t\n"
		 "do\n"
		 "  local s = core.newproto(parser.parse '.T { a 0 : string }')\n"
		 "  t = core.querytype(s, 'T')\n"
		 "  core.deleteproto(s)\n"
		 "  raises('Need a sproto object', core.querytype, s, 'T')\n"
		 "  raises('Need a sproto object', core.deleteproto, s)\n"
		 "end\n"
		 "collectgarbage() collectgarbage()\n"
		 "is(core.decode(t, core.encode(t, {a = 'alive'})).a, 'alive')\n"
		 /* A metamethod that encodes while something is encoded. */
		 "local inner = setmetatable({}, {__index = function(_, k) return core.encode(t, {a = k..'!'}) end})\n"
		 "is(core.decode(t, core.decode(t, core.encode(t, inner)).a).a, 'a!')\n"
		 "local loader = require 'sprotoloader'\n"
		 "raises('nil sproto at index 5', loader.load, 5)\n"
		 "raises('Invalid global slot index 128', loader.load, 128)\n"
		 "raises('Invalid global slot index -1', core.saveproto, sp.__cobj, -1)\n"
		 "loader.save(parser.parse '.T { a 0 : string }', 5)\n"
		 "local first = loader.load(5)\n"
		 "loader.save(parser.parse '.U { a 0 : string }', 5)\n"
		 "is(first:exist_type 'T', true) is(loader.load(5):exist_type 'T', false) is(loader.load(5):exist_type 'U', true)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),  cmocka_unit_test(test_integers),
		cmocka_unit_test(test_packing),   cmocka_unit_test(test_maps),
		cmocka_unit_test(test_schemas),   cmocka_unit_test(test_rpc),
		cmocka_unit_test(test_hostile),   cmocka_unit_test(test_hostile_schemas),
		cmocka_unit_test(test_lifetimes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
