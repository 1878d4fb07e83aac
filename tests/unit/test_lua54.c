/* SPDX-License-Identifier: MIT
 *
 * What the translator makes of a source, to the byte; that it leaves alone what LuaJIT knows; that it keeps lines;
 * and that nothing nested deeply harms it. What the translated code does is tested by tests/lua/services/t_lua54*.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "luabind/lua54.h"

#include "core/mem.h"
#include <dirent.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "local __lua54 = ... return function(...) "

static void translate(const char *source, struct lua54_result *r)
{
	/* Of the exact size, so that a sanitizer sees reading beyond the end. */
	size_t size = strlen(source);
	char *copy = malloc(size ? size : 1);
	assert_non_null(copy);
	memcpy(copy, source, size);
	lua54_translate(copy, size, r);
	free(copy);
}

static void becomes(const char *source, const char *wanted)
{
	struct lua54_result r;
	translate(source, &r);
	assert_int_equal(r.outcome, LUA54_TRANSLATED);
	assert_string_equal(r.text, wanted);
	assert_int_equal(r.size_bytes, strlen(wanted));
	assert_int_equal(r.wrapped, strstr(wanted, HEAD) != NULL);
	mem_free(r.text);
}

static void stays(const char *source)
{
	struct lua54_result r;
	translate(source, &r);
	if (r.outcome != LUA54_UNCHANGED)
		fail_msg("%s\nbecame: %s", source, r.text);
	assert_null(r.text);
}

static void refused(const char *source, int line, const char *message)
{
	struct lua54_result r;
	translate(source, &r);
	assert_int_equal(r.outcome, LUA54_ERROR);
	assert_string_equal(r.text, message);
	assert_int_equal(r.line, line);
	mem_free(r.text);
}

static void test_operators(void **state)
{
	(void)state;
	becomes("x = a // b", HEAD "x = __lua54.idiv(a , b) end");
	becomes("x = a//b//c", HEAD "x = __lua54.idiv(__lua54.idiv(a,b),c) end");
	becomes("x = a * b // c + d", HEAD "x = __lua54.idiv(a * b , c) + d end");
	becomes("x = a | b ~ c & d << e .. f",
		HEAD "x = __lua54.bor(a , __lua54.bxor(b , __lua54.band(c , __lua54.shl(d , e .. "
		     "f)))) end");
	becomes("x = a >> b >> c", HEAD "x = __lua54.shr(__lua54.shr(a , b) , c) end");
	becomes("x = ~a", HEAD "x = __lua54.bnot(a) end");
	becomes("x = - ~ ~a ^ b", HEAD "x = - __lua54.bnot( __lua54.bnot(a ^ b)) end");
	becomes("x = a & b == c", HEAD "x = __lua54.band(a , b) == c end");
	becomes("x = (a // b):f()", HEAD "x = (__lua54.idiv(a , b)):f() end");
	becomes("return a & b", HEAD "return (__lua54.band(a , b)) end");
	becomes("return a & b, c;", HEAD "return __lua54.band(a , b), c; end");
	becomes("f(a // b)", HEAD "f(__lua54.idiv(a , b)) end");
	becomes("t = {a // b, [c // d] = e // f; g = h // i}",
		HEAD "t = {__lua54.idiv(a , b), [__lua54.idiv(c , d)] = __lua54.idiv(e , f); "
		     "g = __lua54.idiv(h , i)} end");
}

static void test_lines(void **state)
{
	(void)state;
	becomes("#!/usr/bin/lua\nx = a -- a // b\n// b -- the end",
		"#!/usr/bin/lua\n" HEAD "x = __lua54.idiv(a -- a // b\n, b) end -- the end");
	becomes("x = [[\n]] // --[=[\n]=] 2\n",
		HEAD "x = __lua54.idiv([[\n]] , --[=[\n]=] 2) end\n");
	becomes("local x <\nconst\n> = 1", "local x  \n \n  = 1");
	becomes("f\n(x)\n", "f(\n x)\n");
	becomes("x = f[[\n]](y)\n(z)", "x = f[[\n]](y)(\n z)");
}

static void test_statements(void **state)
{
	(void)state;
	becomes("local x <const>, y = 1, 2", "local x    , y = 1, 2");
	becomes(";;x = 1;;y = 2", "  x = 1; y = 2");
	becomes("while x do break; y() end", "while x do do break end; y() end");
	becomes("while x do break y() end", "while x do do break end y() end");
	becomes("do ::a::; end", "do ::a::  end");
	becomes("x = 0xffffffffffffffff", "x = (-1)");
	becomes("x = 0x7fffffffffffffff", "x = 0x7fffffffffffffffLL");
	becomes("x = 0x1ffffffffffffffff", "x = (-1)");
	becomes("x = 9007199254740993", "x = 9007199254740993LL");
	becomes("for i = a, b, c do end", HEAD "for i = a, b, __lua54.step(c) do end end");
	becomes("for i = 1, 2, 3 // 2 do end", HEAD "for i = 1, 2, __lua54.step(__lua54.idiv(3 , 2)) do end end");
}

/* Names that are no variables are fields of the _ENV of the source. */
static void test_env(void **state)
{
	(void)state;
	becomes("local _ENV = e x = y", "local _ENV = e _ENV.x = _ENV.y");
	becomes("local _ENV <const> = {} f(a.b, {c = d})",
		"local _ENV     = {} _ENV.f(_ENV.a.b, {c = _ENV.d})");
	becomes("local a, _ENV = x, y return a, b, _ENV, _ENV.c", "local a, _ENV = x, y return a, _ENV.b, _ENV, _ENV.c");
	becomes("local _ENV = e function f() end function f.g:h() return self end function k() return self end",
		"local _ENV = e function _ENV.f() end function _ENV.f.g:h() return self end function _ENV.k() return "
		"_ENV.self end");
	becomes("function f(_ENV) return function(a) return a, b end end return b",
		"function f(_ENV) return function(a) return a, _ENV.b end end return b");
	becomes("for _, _ENV in pairs(t) do x = 1 end x = 2", "for _, _ENV in pairs(t) do _ENV.x = 1 end x = 2");
	becomes("local _ENV = e; x = a // b", HEAD "local _ENV = e; _ENV.x = __lua54.idiv(_ENV.a , _ENV.b) end");
	becomes("local _ENV = e goto l ::l:: _ENV = f", "local _ENV = e goto l ::l:: _ENV = _ENV.f");
}

static void test_close(void **state)
{
	(void)state;
	becomes("local a <close> = f()", HEAD "local a     = f(); local __lua54_1 = __lua54.tbc(a, "
					      "\"a\") do end __lua54.close(__lua54_1) end");
	becomes("while x do local a <close> = f() if y then break end end", HEAD
		"while x do local a     = f(); local __lua54_1 = __lua54.tbc(a, \"a\") do if y "
		"then "
		"do __lua54.close(__lua54_1) break end end end __lua54.close(__lua54_1) end end");
	becomes("local a <close> = f return g()",
		HEAD "local a     = f; local __lua54_1 = __lua54.tbc(a, \"a\") do return "
		     "__lua54.close(__lua54_1, g()) end __lua54.close(__lua54_1) end");
	becomes("local a <close> = f return",
		HEAD "local a     = f; local __lua54_1 = __lua54.tbc(a, \"a\") do return "
		     "__lua54.close(__lua54_1) end __lua54.close(__lua54_1) end");
	becomes("repeat local a <close> = f until a",
		HEAD "repeat local a     = f; local __lua54_1 = __lua54.tbc(a, \"a\"); until "
		     "__lua54.close(__lua54_1, a) end");
	becomes("do goto e local a <close> = f ::e:: end",
		HEAD "do goto e local a     = f; local __lua54_1 = __lua54.tbc(a, \"a\") do end "
		     "__lua54.close(__lua54_1) ::e:: end end");
}

static void test_unchanged(void **state)
{
	(void)state;
	const char *sources[] = {
		"",
		"#!shebang",
		"-- // & |",
		"--[[ // ]] x = 1",
		"x = '//' .. \"&\" .. [[~]] .. [==[<<]==]",
		"x = a ~= b",
		"goto = 1 goto.x = goto",
		"goto l ::l::",
		"x = 1LL + 0x1ULL + 2i + 0x.8p1 + 1e+5 + .5",
		"for i = 1, 3 do break end",
		"while true do break; end",
		"return",
		"return;",
		"return f(), ...",
		"local function f(a, ...) return function() return a end end",
		"x = a < b, c > d",
		"a.b.c:d 'x' { 1, 2; 3, [4] = 5, x = 6 } (7)",
		"x = -2 ^ -3",
		"\xef\xbb\xbfx = 1",
		"\x1bLJ",
		"x = 9007199254740992 + 0x20000000000000 + 18446744073709551616",
		"repeat local x until x",
		"if a then elseif b then else end",
		"function a.b:c() end",
		"local t = {} t = {x} t = {x = 1} t = {[1] = x, y = z,}",
		"x = '\\\n' y = '\\z  \n  z' z = '\\''",
		"goto continue do ::a:: ::b:: end ::continue::",
		"for i = 1, 2 do end for i = 1, 2, 3 do end for i = 3, 1, -1 do end",
		"for k, v in next, t, nil, nil do end",
		"x = _ENV.y _ENV.z = _ENV",
		"do local _ENV end x = 1",
		"local a, _ENV a = _ENV",
		/* What both refuse, LuaJIT says. */
		"x = = 1",
		"if",
		"x = 'abc",
		"x = [[abc",
		"--[[",
		"end",
		"x = 1 1",
		"f(",
		"$",
		"x = {1 2}",
	};
	for (size_t i = 0; i < COUNT_OF(sources); i++)
		stays(sources[i]);
}

static void test_refused(void **state)
{
	(void)state;
	refused("local x <const> = 1\nx = 2", 2, "attempt to assign to const variable 'x'");
	refused("\nlocal x <cost> = 1", 2, "unknown attribute 'cost'");
	refused("local a <close>, b <close> = 1", 1,
		"multiple to-be-closed variables in local list");
	refused("x = 1 // 2\nx = = 1", 2, "unexpected symbol near '='");
	refused("x = a //", 1, "unexpected symbol near '<eof>'");
	refused("x = a // 'b", 1, "unexpected symbol near ''b'");
	refused("local __lua54 = 1 & 2", 1, "names that begin with '__lua54' are reserved");
	refused("x = 1 & 2\nreturn 1 x = 2", 2, "'<eof>' expected near 'x'");
	refused("local x\nx, _ENV = 1, 2", 2, "a value for the chunk's _ENV is not translated: say local _ENV = ...");
	refused("do local _ENV end _ENV = 1", 1, "a value for the chunk's _ENV is not translated: say local _ENV = ...");
	refused("for k in f, s,\nnil, x do end", 2,
		"a value to be closed after the loop is not translated: use a local variable with <close>");
}

static void test_first(void **state)
{
	struct lua54_result r;
	(void)state;
	translate("x = 1\n\ny = 2 >> 1 // 3", &r);
	assert_int_equal(r.line, 3);
	assert_string_equal(r.first, ">>");
	mem_free(r.text);
}

/* BEGIN, MIDDLE many times, END many times. */
static char *nest(const char *begin, const char *middle, const char *end, size_t times)
{
	size_t size = strlen(begin) + times * (strlen(middle) + strlen(end)) + 3;
	char *text = calloc(1, size), *at = text;
	assert_non_null(text);
	at += sprintf(at, "%s", begin);
	for (size_t i = 0; i < times; i++)
		at += sprintf(at, "%s", middle);
	at += sprintf(at, "1 ");
	for (size_t i = 0; i < times; i++)
		at += sprintf(at, "%s", end);
	return text;
}

/* LuaJIT complains, or we do once something was edited. */
static void too_deep(const struct lua54_result *r)
{
	const char *complaint = r->text;
	lua_State *L = luaL_newstate();
	if (r->outcome == LUA54_TRANSLATED) {
		assert_int_not_equal(luaL_loadbuffer(L, r->text, r->size_bytes, "=deep"), 0);
		complaint = lua_tostring(L, -1);
	}
	if (complaint && !strstr(complaint, "too many") && !strstr(complaint, "too complex"))
		fail_msg("%.80s", complaint);
	lua_close(L);
}

static void test_nesting(void **state)
{
	static const char *const kinds[][3] = {
		{"x = ", "(", ")"},
		{"x = ", "~", ""},
		{"x = ", "{", "}"},
		{"x = ", "1 << -", ""},
		{"x = ", "f(", ")"},
		{"x = ", "2 ^ ", ""},
		{"", "do ", "end "},
		{"", "while x do ", "end "},
		{"x = ", "function() return ", " end "},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		for (size_t times = 10; times <= 1000000; times *= 100000) {
			char *text = nest(kinds[i][0], kinds[i][1], kinds[i][2], times);
			struct lua54_result r;
			translate(text, &r);
			if (times > 1000)
				too_deep(&r);
			mem_free(r.text);
			free(text);
		}
	}
}

/* ---- all Lua files of the project: those without new syntax stay as they are ---- */

static size_t files_seen;

static char *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	char *text = malloc(1 << 20);
	assert_non_null(text);
	*size = fread(text, 1, 1 << 20, file);
	fclose(file);
	return text;
}

static size_t newlines(const char *text, size_t size)
{
	size_t count = 0;
	for (size_t i = 0; i < size; i++)
		count += text[i] == '\n';
	return count;
}

static void check_file(const char *path)
{
	struct lua54_result r;
	size_t size;
	lua_State *L = luaL_newstate();
	luaL_openlibs(L); /* LuaJIT crashes on an LL literal where the FFI cannot be set up */
	char *text = read_file(path, &size);
	/* What neither knows stays as it is, so that LuaJIT reports it. */
	bool no_lua = strncmp(text, "this is no Lua", 14) == 0;
	bool known = luaL_loadbuffer(L, text, size, "file") == 0 || no_lua;
	lua54_translate(text, size, &r);
	/* A loop whose step is no literal becomes another text, and is no new syntax. */
	bool is_new = r.first[0] != '\0';
	bool is_stub = r.outcome == LUA54_ERROR && strstr(r.text, "_ENV"); /* types/globals.lua, which nobody runs */
	if ((r.outcome == LUA54_ERROR && !is_stub) || is_new == known ||
	    (is_new && r.outcome != LUA54_TRANSLATED))
		fail_msg("%s: outcome %d, line %d, %s", path, r.outcome, r.line,
			 r.text ? r.text : "");
	if (r.outcome == LUA54_TRANSLATED) {
		assert_int_equal(newlines(text, size), newlines(r.text, r.size_bytes));
		if (luaL_loadbuffer(L, r.text, r.size_bytes, path) != 0)
			fail_msg("%s", lua_tostring(L, -1));
	}
	mem_free(r.text);
	free(text);
	lua_close(L);
	files_seen++;
}

static void check_folder(const char *path)
{
	DIR *folder = opendir(path);
	assert_non_null(folder);
	for (struct dirent *entry; (entry = readdir(folder));) {
		char below[1024];
		size_t length = strlen(entry->d_name);
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			check_folder(below);
		else if (length > 4 && strcmp(entry->d_name + length - 4, ".lua") == 0)
			check_file(below);
	}
	closedir(folder);
}

static void test_project(void **state)
{
	static const char *const folders[] = {"luabind", "services", "tests", "conf"};
	const char *root = getenv("EQUILUNE_SOURCE");
	(void)state;
	if (root == NULL)
		skip();
	for (size_t i = 0; i < COUNT_OF(folders); i++) {
		char path[512];
		snprintf(path, sizeof(path), "%s/%s", root, folders[i]);
		check_folder(path);
	}
	assert_true(files_seen > 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_operators),  cmocka_unit_test(test_lines),
		cmocka_unit_test(test_statements),
		cmocka_unit_test(test_env), cmocka_unit_test(test_close),
		cmocka_unit_test(test_unchanged),  cmocka_unit_test(test_refused),
		cmocka_unit_test(test_first),      cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_project),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
