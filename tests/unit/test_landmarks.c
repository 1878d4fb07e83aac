/* SPDX-License-Identifier: MIT
 *
 * Is the collector found, and told from everything else that LuaJIT does? Here the oracle is who has called the allocator.
 */
#include "luabind/landmarks.h"
#include "core/text.h"
#include "core/walk.h"
#include "luabind/luabind.h"

#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static uintptr_t high;
static int frees, met, allocations, met_allocating;

static NOINLINE bool in_collector(void)
{
	uintptr_t pc, sp, rbp;
	__asm__ volatile("leaq (%%rip), %0\n\tmovq %%rsp, %1\n\tmovq %%rbp, %2"
			 : "=r"(pc), "=r"(sp), "=r"(rbp));
	return walk_meets(LANDMARK_COLLECTOR, pc, sp, rbp, high);
}

static void *spy(void *ud, void *block, size_t old_bytes, size_t new_bytes)
{
	(void)ud, (void)old_bytes;
	if (new_bytes == 0) {
		frees += block != NULL;
		met += block && in_collector();
		free(block);
		return NULL;
	}
	allocations++;
	met_allocating += in_collector();
	return realloc(block, new_bytes);
}

static void run(const char *program, bool collects)
{
	lua_State *L = lua_newstate(spy, NULL);
	assert_non_null(L);
	luaL_openlibs(L);
	if (!collects)
		lua_gc(L, LUA_GCSTOP, 0);
	frees = met = allocations = met_allocating = 0;
	if (luaL_dostring(L, program) != 0)
		fail_msg("%s", lua_tostring(L, -1));
	int counted[] = {frees, met, allocations, met_allocating};
	lua_close(L);
	frees = counted[0], met = counted[1], allocations = counted[2], met_allocating = counted[3];
}

static void test_is_found(void **state UNUSED)
{
	assert_true(landmark_known(LANDMARK_COLLECTOR));
}

static void test_meets_the_collector_in_interpreted_and_compiled_code(void **state UNUSED)
{
	run("jit.off() for i = 1, 100000 do local t = {{}} end", true);
	assert_true(frees > 50000);
	assert_in_range(met, frees * 9 / 10, frees);
	run("for i = 1, 100000 do local t = {{}} x = t end", true);
	assert_true(frees > 50000);
	assert_in_range(met, frees * 9 / 10, frees);
	/* Allocating in between is not collecting. */
	assert_in_range(met_allocating, 0, allocations / 100);
}

static void test_meets_it_when_it_is_called(void **state UNUSED)
{
	run("local t = {} for i = 1, 10000 do t[i] = {} end t = nil collectgarbage()", false);
	assert_in_range(met, 10000, frees);
	run("local t = {} for i = 1, 10000 do t[i] = {} end t = nil repeat until collectgarbage('step', 10)",
	    false);
	assert_in_range(met, 10000, frees);
}

static void test_meets_it_nowhere_else(void **state UNUSED)
{
	run("local t = {} for i = 1, 50000 do t['k' .. i % 5000] = {} t[i] = i end "
	    "table.sort(t, function(a, b) return a > b end) "
	    "local s = {} for i = 1, 1000 do s[i] = ('x'):rep(i) end s = table.concat(s) "
	    "for i = 1, 100 do coroutine.wrap(function() return pcall(error, i) end)() end "
	    "for i = 1, 100 do load('return ' .. i)() end",
	    false);
	assert_true(frees > 10 && allocations > 10000);
	assert_int_equal(met, 0);
	assert_int_equal(met_allocating, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_found),
		cmocka_unit_test(test_meets_the_collector_in_interpreted_and_compiled_code),
		cmocka_unit_test(test_meets_it_when_it_is_called),
		cmocka_unit_test(test_meets_it_nowhere_else),
	};
	high = (uintptr_t)__builtin_frame_address(0);
	text_init(vm_library_address());
	landmarks_init();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	text_term();
	return failed;
}
