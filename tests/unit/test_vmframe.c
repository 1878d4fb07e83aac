/* SPDX-License-Identifier: MIT */
#include "core/stack.h"
#include "core/text.h"
#include "luabind/enter.h"
#include "luabind/luabind.h"
#include "luabind/vm.h"
#include "luabind/vmframe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <lauxlib.h>
#include <lualib.h>

static struct vm vm;
static struct service service = {.state = &vm};
static struct frames_base base;
static uintptr_t called_at;
static bool parkable;

/* () notes what is known of the interpreter's frame that has called it. */
static NOINLINE int look(lua_State *L UNUSED)
{
	called_at = (uintptr_t)__builtin_dwarf_cfa();
	assert_true(vmframe_of(&service, &base));
	parkable = frames_parkable_below(base.sp - 64, &base, service.mark);
	return 0;
}

/* (function) calls it with a frame of ours below. */
static int call(lua_State *L)
{
	lua_settop(L, 1);
	lua_call(L, 0, 0);
	return 0;
}

/* Runs the chunk as the worker does. */
static void run(const char *chunk)
{
	lua_State *L = luaL_newstate();
	luaL_openlibs(L);
	lua_register(L, "look", look);
	lua_register(L, "call", call);
	store_relaxed(&vm.L, L);
	base = (struct frames_base){0, 0};
	called_at = 0;
	assert_int_equal(luaL_loadstring(L, chunk), 0);
	struct vm_call door = {L, 0, 0, 0, 0};
	stack_call_marked(enter_call, &door, &service.mark);
	if (door.status != 0)
		fail_msg("%s", lua_tostring(L, -1));
	lua_close(L);
	assert_int_not_equal(called_at, 0);
	assert_int_equal(base.sp, called_at);
}

static void test_it_is_known(void **state UNUSED)
{
	assert_true(vmframe_is_known());
}

static void test_the_innermost_frame_is_told(void **state UNUSED)
{
	run("look()");
	run("coroutine.wrap(look)()");
	run("coroutine.wrap(function() coroutine.wrap(function() look() end)() end)()");
	/* After an inner one has ended, yielded or failed. */
	run("local co = coroutine.wrap(coroutine.yield) co() look()");
	run("coroutine.wrap(function() pcall(coroutine.wrap(error)) look() end)()");
	run("coroutine.wrap(function() ('x'):gsub('.', look) end)()");
	run("table.sort({ 2, 1 }, function() look() return false end)");
	run("setmetatable({}, { __index = function() pcall(error) look() end }).x = nil"
	    " local _ = setmetatable({}, { __index = function() look() end }).x");
}

/* gsub has 8 KB in its frame of which it uses little: rubbish in there must not matter, a live frame must. */
static void test_frames_above_it_decide(void **state UNUSED)
{
	run("('x'):gsub('.', function() look() end)");
	assert_true(parkable);
	run("coroutine.wrap(function() ('x'):gsub('.', function() look() end) end)()");
	assert_true(parkable);
	run("call(function() look() end)");
	assert_false(parkable);
	run("('x'):gsub('.', function() call(function() look() end) end)");
	assert_false(parkable);
	run("call(function() ('x'):gsub('.', function() look() end) end)");
	assert_false(parkable);
}

static void test_a_frame_that_is_not_there_is_refused(void **state UNUSED)
{
	uintptr_t sp = 0x10000;
	struct frames_base below = {1, sp - 8}, odd = {1, sp + 4}, far = {1, sp + 8192},
			   beyond = {1, sp + 64};
	assert_false(frames_parkable_below(sp, &below, sp + 16384));
	assert_false(frames_parkable_below(sp, &odd, sp + 16384));
	assert_false(frames_parkable_below(sp, &far, sp + 16384));
	assert_false(frames_parkable_below(sp, &beyond, sp + 64));
	store_relaxed(&vm.L, NULL);
	assert_false(vmframe_of(&service, &base));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_is_known),
		cmocka_unit_test(test_the_innermost_frame_is_told),
		cmocka_unit_test(test_frames_above_it_decide),
		cmocka_unit_test(test_a_frame_that_is_not_there_is_refused),
	};
	text_init(vm_library_address());
	vmframe_learn();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
