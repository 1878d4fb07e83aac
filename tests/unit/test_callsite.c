/* SPDX-License-Identifier: MIT
 *
 * The line that has called a C function, found from the C stack. The oracle is Lua itself: the C function asks it too.
 */
#include "luabind/callsite.h"
#include "core/text.h"
#include "core/walk.h"
#include "luabind/landmarks.h"
#include "luabind/vm.h"

#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static uintptr_t high;
static struct service service;
static struct vm vm;
static struct evidence evidence;
static int calls, told, wrong;

/* As the signal handler does it, from the registers of here. */
static NOINLINE bool witness(void)
{
	struct unwind_frame at = {.interrupted = true};
	memset(&evidence, 0, sizeof(evidence));
	store_relaxed(&evidence.state, EVIDENCE_ASKED);
	store_relaxed(&service.evidence, &evidence);
	__asm__ volatile("leaq (%%rip), %0\n\tmovq %%rsp, %1\n\tmovq %%rbp, %2"
			 : "=r"(at.pc), "=r"(at.sp), "=r"(at.rbp));
	callsite_witness(&service, &at, high);
	store_relaxed(&service.evidence, NULL);
	return load_acquire(&evidence.state) == EVIDENCE_READY;
}

static void compare(lua_State *L)
{
	lua_Debug ar;
	char expected[256] = "";
	calls++;
	for (int level = 0; lua_getstack(L, level, &ar); level++) {
		lua_getinfo(L, "Sl", &ar);
		if (ar.currentline > 0)
			break;
	}
	if (ar.currentline > 0)
		snprintf(expected, sizeof(expected), "%s:%d", ar.short_src, ar.currentline);
	if (!witness())
		return;
	told++;
	if (strcmp(evidence.place, expected) != 0) {
		wrong++;
		print_message("%s instead of %s\n", evidence.place, expected);
	}
}

static int here(lua_State *L)
{
	compare(L);
	return 0;
}

/* Calls a function from C: what that one is called by is C code. */
static int through(lua_State *L)
{
	lua_call(L, 0, 0);
	compare(L);
	return 0;
}

static int less(const void *a, const void *b)
{
	compare(load_relaxed(&vm.L));
	return *(const char *)a - *(const char *)b;
}

static int in_libc(lua_State *L)
{
	char text[] = "ba";
	(void)L;
	qsort(text, 2, 1, less);
	return 0;
}

static void run(const char *program)
{
	lua_State *L = luaL_newstate();
	assert_non_null(L);
	luaL_openlibs(L);
	lua_register(L, "here", here);
	lua_register(L, "through", through);
	lua_register(L, "in_libc", in_libc);
	vm.service = &service;
	service.state = &vm;
	vm.met_call = 0;
	store_relaxed(&vm.L, L);
	calls = told = wrong = 0;
	if (luaL_dostring(L, program) != 0)
		fail_msg("%s", lua_tostring(L, -1));
	store_relaxed(&vm.L, NULL);
	lua_close(L);
	assert_int_equal(wrong, 0);
}

static void test_is_found_out(void **state UNUSED)
{
	assert_true(callsite_known());
}

static void test_calls_of_all_kinds(void **state UNUSED)
{
	run("jit.off()\nhere()\nlocal x = here()\n\npcall(here)\npcall(function()\n here() end)\n"
	    "in_libc()\nfor _ in here do end\n"
	    "coroutine.wrap(function()\n here()\n coroutine.wrap(function()\n here() end)() end)()\n"
	    "return here()");
	assert_true(calls >= 9);
	assert_int_equal(told, calls);
}

static void test_callbacks(void **state UNUSED)
{
	run("jit.off()\nlocal t = setmetatable({}, {__index = here,\n __add = here})\n"
	    "local x = t.x\nx = t + t\nstring.gsub('abc', '.', here)\n"
	    "table.sort({3, 2, 1}, function(a, b)\n here()\n return a < b end)\n"
	    "string.gsub('abc', '.', function()\n here() end)\nthrough(here)\n"
	    "through(function()\n here() end)\nthrough(function()\n coroutine.wrap(function() here() end)() end)");
	assert_true(calls >= 14);
	assert_int_equal(told, calls);
}

static void test_compiled_callers(void **state UNUSED)
{
	run("local s = 0\nfor i = 1, 1000 do\n s = s + i\n here()\nend\n"
	    "local function f(n)\n if n > 0 then\n here()\n return f(n - 1) end end\nf(300)");
	assert_int_equal(calls, 1300);
	assert_int_equal(told, calls);
}

/* ---- with code of the VM above ---- */

static bool walking;
static int moves, told_moving;

static NOINLINE bool in_resizer(void)
{
	uintptr_t pc, sp, rbp;
	__asm__ volatile("leaq (%%rip), %0\n\tmovq %%rsp, %1\n\tmovq %%rbp, %2"
			 : "=r"(pc), "=r"(sp), "=r"(rbp));
	return walk_meets(LANDMARK_RESIZER, pc, sp, rbp, high);
}

static void *spy(void *ud, void *block, size_t old_bytes, size_t new_bytes)
{
	(void)ud, (void)old_bytes;
	if (walking) {
		bool moving = in_resizer(), tells = witness();
		calls++;
		told += tells;
		moves += moving;
		told_moving += moving && tells;
	}
	if (new_bytes == 0) {
		free(block);
		return NULL;
	}
	return realloc(block, new_bytes);
}

static void run_spied(const char *program)
{
	lua_State *L = lua_newstate(spy, NULL);
	luaL_openlibs(L);
	assert_int_equal(luaL_loadbuffer(L, program, strlen(program), "=spied"), 0);
	store_relaxed(&vm.L, L);
	vm.met_call = 0;
	calls = told = moves = told_moving = 0;
	walking = true;
	assert_int_equal(lua_pcall(L, 0, 0, 0), 0);
	walking = false;
	store_relaxed(&vm.L, NULL);
	lua_close(L);
}

static void test_inside_the_library_only_when_it_is_met_again(void **state UNUSED)
{
	/* Many allocations in one call. */
	run_spied("jit.off() local t = {} for i = 1, 100 do t[i] = ('x'):rep(100) .. i end\n"
		  "t = nil\ncollectgarbage()");
	assert_true(told > 50);
	assert_string_equal(evidence.place, "spied:3");
	/* The interpreter itself allocates: nobody has called a C function. */
	run_spied("jit.off() collectgarbage('stop') for i = 1, 1000 do local t = {{}} end");
	assert_true(calls > 1000);
	assert_in_range(told, 0, 5); /* the two calls before the loop */
}

static void test_never_while_a_stack_moves(void **state UNUSED)
{
	/* unpack makes room for all of them at once, in the middle of the one call. */
	run_spied("jit.off() collectgarbage('stop') local t = {} for i = 1, 3000 do t[i] = i end\n"
		  "local function deep(n) if n > 0 then return 1 + deep(n - 1) end return select('#', unpack(t)) end\n"
		  "for i = 1, 20 do coroutine.wrap(function() deep(i * 50) end)() end");
	assert_true(moves > 20);
	assert_int_equal(told_moving, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_found_out),
		cmocka_unit_test(test_calls_of_all_kinds),
		cmocka_unit_test(test_callbacks),
		cmocka_unit_test(test_compiled_callers),
		cmocka_unit_test(test_inside_the_library_only_when_it_is_met_again),
		cmocka_unit_test(test_never_while_a_stack_moves),
	};
	high = (uintptr_t)__builtin_frame_address(0);
	text_init(vm_library_address());
	landmarks_init();
	callsite_init();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	text_term();
	return failed;
}
