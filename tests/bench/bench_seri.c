/* SPDX-License-Identifier: MIT
 *
 * ns per pack (with freeing the block) and per unpack: a message of five fields, an array of 100
 * numbers, a nested table. Medians of 31 rounds; the collector's share is in it. The loops are in
 * C, so only the serializer and LuaJIT's table functions are measured. Both ways that there are: as
 * services have it, by what lies in the VM's memory (luabind/rawtable.h), and by LuaJIT's API, which is
 * what a library with another layout gets.
 */
#include "luabind/seri.h"

#include "core/clock.h"
#include "core/mem.h"
#include "luabind/rawtable.h"
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 31
#define LOOPS  4000

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof(*values), compare);
	return values[ROUNDS / 2];
}

/* The values to pack lie on the stack from index 1 on, `count` of them, then the function. */
static double time_pack(lua_State *L, int count)
{
	double ns[ROUNDS];
	for (int round = 0; round < ROUNDS; round++) {
		int64_t start_ns = clock_mono_ns();
		for (int i = 0; i < LOOPS; i++) {
			lua_pushvalue(L, count + 1);
			for (int v = 1; v <= count; v++)
				lua_pushvalue(L, v);
			lua_call(L, count, 2);
			mem_free(lua_touserdata(L, -2));
			lua_pop(L, 2);
		}
		ns[round] = (double)(clock_mono_ns() - start_ns) / LOOPS;
	}
	return median(ns);
}

static double time_unpack(lua_State *L, const void *data, size_t size)
{
	double ns[ROUNDS];
	int top = lua_gettop(L);
	for (int round = 0; round < ROUNDS; round++) {
		int64_t start_ns = clock_mono_ns();
		for (int i = 0; i < LOOPS; i++) {
			seri_unpack_bytes(L, data, size);
			lua_settop(L, top);
		}
		ns[round] = (double)(clock_mono_ns() - start_ns) / LOOPS;
	}
	return median(ns);
}

static void measure(const char *name, const char *chunk)
{
	lua_State *L = luaL_newstate();
	luaL_openlibs(L);
	if (luaL_dostring(L, chunk)) {
		fprintf(stderr, "%s: %s\n", name, lua_tostring(L, -1));
		exit(1);
	}
	int count = lua_gettop(L);
	lua_pushcfunction(L, seri_pack);
	double pack_ns = time_pack(L, count);
	lua_pushcfunction(L, seri_packstring);
	for (int v = 1; v <= count; v++)
		lua_pushvalue(L, v);
	lua_call(L, count, 1);
	size_t size;
	const char *data = lua_tolstring(L, -1, &size);
	double unpack_ns = time_unpack(L, data, size);
	printf("  %-18s %6zu bytes  pack %8.1f ns  unpack %8.1f ns\n", name, size, pack_ns,
	       unpack_ns);
	lua_close(L);
}

static void measure_all(const char *way)
{
	printf("%s:\n", way);
	measure("5 plain arguments", "return 'set', 12345, 'player', 3.25, true");
	measure("5-field message",
		"return {id = 12345, name = 'player', x = 3.25, y = -7, alive = true}");
	measure("100-element array", "local t = {} for i = 1, 100 do t[i] = i * 37 end return t");
	measure("nested table",
		"local t = {id = 7, name = 'room', list = {}}\n"
		"for i = 1, 10 do\n"
		"  t.list[i] = {id = i, pos = {i * 1.5, i * 2}, tags = {'a', 'b'}, hp = 100}\n"
		"end return t");
}

int main(void)
{
	if (rawtable_prove())
		measure_all("by the VM's memory");
	else
		printf("by the VM's memory: not with this LuaJIT, its layout is another\n");
	rawtable_distrust();
	measure_all("by the API");
	return 0;
}
