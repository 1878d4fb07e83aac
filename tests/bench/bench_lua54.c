/* SPDX-License-Identifier: MIT
 *
 * How fast sources are translated, beside how fast LuaJIT compiles them: one without new syntax, and one full of it.
 */
#include "core/clock.h"
#include "core/mem.h"
#include "luabind/lua54.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOURCE_BYTES (1 << 20)
#define ROUNDS       20

static char *repeat(const char *piece)
{
	size_t length = strlen(piece);
	char *text = malloc(SOURCE_BYTES + length + 1);
	if (text == NULL)
		abort();
	size_t used = 0;
	while (used < SOURCE_BYTES) {
		memcpy(text + used, piece, length);
		used += length;
	}
	text[used] = '\0';
	return text;
}

static double translate_mbs(const char *text)
{
	int64_t before = clock_self_cpu_ns();
	for (int i = 0; i < ROUNDS; i++) {
		struct lua54_result r;
		lua54_translate(text, strlen(text), &r);
		if (r.outcome == LUA54_ERROR)
			abort();
		mem_free(r.text);
	}
	return (double)strlen(text) * ROUNDS * 1e3 / (double)(clock_self_cpu_ns() - before);
}

static double compile_mbs(const char *text)
{
	int64_t before = clock_self_cpu_ns();
	for (int i = 0; i < ROUNDS; i++) {
		lua_State *L = luaL_newstate();
		if (luaL_loadbuffer(L, text, strlen(text), "=bench") != 0)
			abort();
		lua_close(L);
	}
	return (double)strlen(text) * ROUNDS * 1e3 / (double)(clock_self_cpu_ns() - before);
}

int main(void)
{
	char *old =
		repeat("do\n\tlocal function f(a, b) -- a comment\n\t\tif a.x > 10 and b[1] then\n"
		       "\t\t\treturn math.floor(a.y / 2) .. \"text\", { b, x = 1 "
		       "}\n\t\tend\n\tend\nend\n");
	char *new = repeat("do\n\tlocal mask <const> = 0xff\n\tlocal function f(a, b)\n"
			   "\t\treturn (a & mask) << 8 | b // 2, ~a\n\tend\nend\n");
	printf("a source of 1 MB, old syntax: translated at %.0f MB/s, compiled by LuaJIT at %.0f "
	       "MB/s\n",
	       translate_mbs(old), compile_mbs(old));
	printf("a source of 1 MB, new syntax: translated at %.0f MB/s\n", translate_mbs(new));
	free(old);
	free(new);
	return 0;
}
