/* SPDX-License-Identifier: MIT
 *
 * Copies of a VM: they are independent of each other and of the mould, collect, compile and close like any VM, and
 * have random numbers of their own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "luabind/boot.h"
#include "luabind/made.h"
#include "luabind/mould.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

struct cast {
	struct heap *heap;
	lua_State *L;
};

static struct cast cast_new(void)
{
	struct cast c = {.heap = heap_new(0)};
	c.L = mould_cast(c.heap);
	assert_non_null(c.L);
	return c;
}

static void cast_end(struct cast *c)
{
	lua_close(c->L);
	assert_int_equal(heap_used_bytes(c->heap), 0);
	heap_delete(c->heap);
}

static lua_Number run(struct cast *c, const char *text)
{
	if (luaL_dostring(c->L, text))
		fail_msg("%s", lua_tostring(c->L, -1));
	lua_Number result = lua_tonumber(c->L, -1);
	lua_settop(c->L, 0);
	return result;
}

/* Strings, tables that grow, closures, coroutines, errors, full collections, compiled loops. */
static const char work[] = "jit.on()\n"
			   "local sum, list = 0, {}\n"
			   "for i = 1, 20000 do\n"
			   "  list[i % 97] = { tostring(i), function() return i end }\n"
			   "  local co = i % 50 == 0 and coroutine.wrap(function(x) return x + coroutine.yield(x) end)\n"
			   "  if co then sum = sum + co(i) + co(1) end\n"
			   "  if i % 1000 == 0 then collectgarbage() end\n"
			   "  sum = sum + #list[i % 97][1] + list[i % 97][2]()\n"
			   "  if i % 100 == 0 and pcall(error, i) then sum = 0 end\n"
			   "end\n"
			   "return sum";

static void setup_is_right(void **state)
{
	assert_true(mould_bytes() > 0);
	assert_true(mould_bytes() <= FIRST_BYTES);
	assert_int_equal(mould_bytes() % 16, 0);
	(void)state;
}

static void works_as_any(void **state)
{
	lua_State *L = luaL_newstate();
	luaL_openlibs(L);
	assert_int_equal(luaL_dostring(L, work), 0);
	lua_Number wanted = lua_tonumber(L, -1);
	lua_close(L);
	for (int i = 0; i < 20; i++) {
		struct cast c = cast_new();
		assert_true(run(&c, work) == wanted);
		cast_end(&c);
	}
	(void)state;
}

static void is_independent(void **state)
{
	struct cast a = cast_new(), b = cast_new();
	size_t before = heap_used_bytes(a.heap);
	assert_int_equal(before, heap_used_bytes(b.heap));
	run(&a, "x = 1 string.len = nil package.loaded.x = {} coroutine = nil");
	assert_true(run(&b, "return x == nil and string.len 'ab' + #coroutine.wrap(function() return 'c' end)()") == 3);
	cast_end(&a);
	assert_true(run(&b, work) > 0);
	struct cast later = cast_new();
	assert_int_equal(heap_used_bytes(later.heap), before);
	assert_true(run(&later, "return x or 0") == 0);
	cast_end(&later);
	cast_end(&b);
	(void)state;
}

/* Strings are the same objects whoever made them, the VM or the mould: a key that is made anew finds the field. */
static void finds_its_strings(void **state)
{
	struct cast c = cast_new();
	assert_true(run(&c, "local n = 0\n"
			    "for k, v in pairs(string) do\n"
			    "  n = n + (string[k:sub(1, 1) .. k:sub(2)] == v and 1 or 1000)\n"
			    "end return n") < 100);
	cast_end(&c);
	(void)state;
}

/* By which LuaJIT looks for places for machine code: the same in all would mean the same places for all. */
static void has_own_random_numbers(void **state)
{
	struct cast a = cast_new(), b = cast_new();
	const char *x = (const char *)a.L, *y = (const char *)b.L;
	uint64_t moved = (uint64_t)(uintptr_t)y - (uint64_t)(uintptr_t)x;
	size_t differ = 0;
	for (size_t at = 0; at < 2048; at += 8) {
		uint64_t p, q;
		memcpy(&p, x + at, 8);
		memcpy(&q, y + at, 8);
		/* The allocator's heap differs too: that is the one word more. */
		differ += p != q && p + moved != q;
	}
	assert_int_equal(differ, 4 + 1);
	cast_end(&a);
	cast_end(&b);
	(void)state;
}

static void has_the_library_out_of_sight(void **state)
{
	struct cast c = cast_new();
	assert_true(made_is_here(c.L));
	assert_true(run(&c, "return package.loaded.skynet == nil and package.loaded['skynet.core'] == nil and 1") == 1);
	size_t with = heap_used_bytes(c.heap);
	made_drop(c.L);
	assert_false(made_is_here(c.L));
	assert_false(made_push(c.L, "skynet.core"));
	lua_gc(c.L, LUA_GCCOLLECT, 0);
	assert_true(heap_used_bytes(c.heap) < with - 30 * 1024);
	cast_end(&c);
	(void)state;
}

/* At places that differ in all bits that a service's place may have: the casts fill more than 16 MB. */
static void is_right_everywhere(void **state)
{
	enum { CASTS = 150 };
	static struct cast casts[CASTS];
	for (int i = 0; i < CASTS; i++) {
		casts[i] = cast_new();
		assert_true(mould_prove());
	}
	for (int i = 0; i < CASTS; i++)
		cast_end(&casts[i]);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setup_is_right),
		cmocka_unit_test(is_right_everywhere),
		cmocka_unit_test(works_as_any),
		cmocka_unit_test(is_independent),
		cmocka_unit_test(finds_its_strings),
		cmocka_unit_test(has_own_random_numbers),
		cmocka_unit_test(has_the_library_out_of_sight),
	};
	if (!mould_make())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
