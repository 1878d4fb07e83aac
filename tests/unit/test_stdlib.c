/* SPDX-License-Identifier: MIT
 *
 * Lua's libraries that are opened by their first use: what that use finds, whatever it is, and that one without memory
 * loses nothing. Cases are Lua chunks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/base.h"
#include "luabind/compat.h"
#include "luabind/heap.h"
#include "luabind/stdlib.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

static const char *const late[] = {"io", "os", "debug", "bit", "math", "utf8"};

static int open_ours(lua_State *L)
{
	stdlib_open(L);
	compat_open(L);
	return 0;
}

static int open_luajit(lua_State *L)
{
	luaL_openlibs(L);
	return 0;
}

static lua_State *new_vm(struct heap **heap, lua_CFunction open)
{
	*heap = heap_new(0);
	lua_State *L = lua_newstate(heap_alloc, *heap);
	assert_non_null(L);
	assert_int_equal(lua_cpcall(L, open, NULL), 0);
	return L;
}

static void close_vm(lua_State *L, struct heap *heap)
{
	lua_close(L);
	assert_int_equal(heap_used_bytes(heap), 0);
	heap_delete(heap);
}

/* Runs `chunk` with `argument`. */
static void run_in(lua_State *L, const char *chunk, const char *argument)
{
	assert_int_equal(luaL_loadbuffer(L, chunk, strlen(chunk), "=case"), 0);
	lua_pushstring(L, argument);
	if (lua_pcall(L, 1, 0, 0) != 0)
		fail_msg("%s: %s\nin: %s", argument, lua_tostring(L, -1), chunk);
}

static void run(const char *chunk, const char *argument)
{
	struct heap *heap;
	lua_State *L = new_vm(&heap, open_ours);
	run_in(L, chunk, argument);
	close_vm(L, heap);
}

static void run_each(const char *chunk)
{
	for (size_t i = 0; i < COUNT_OF(late); i++)
		run(chunk, late[i]);
}

static void test_before(void **state)
{
	(void)state;
	run_each("local name = ... local lib = _G[name]\n"
		 "assert(type(lib) == 'table' and next(lib) == nil and package.loaded[name] == lib)\n"
		 "assert(getmetatable(lib) == false)\n"
		 "local ok, why = pcall(setmetatable, lib, {})\n"
		 "assert(not ok and why:find 'protected')");
}

/* All that LuaJIT has in its libraries is in ours. */
static void test_complete(void **state)
{
	(void)state;
	struct heap *heap, *stock_heap;
	lua_State *stock = new_vm(&stock_heap, open_luajit);
	lua_State *L = new_vm(&heap, open_ours);
	for (size_t i = 0; i + 1 < COUNT_OF(late); i++) { /* but utf8 */
		lua_getglobal(stock, late[i]);
		for (lua_pushnil(stock); lua_next(stock, -2); lua_pop(stock, 1)) {
			lua_getglobal(L, late[i]);
			lua_getfield(L, -1, lua_tostring(stock, -2));
			if (lua_type(L, -1) != lua_type(stock, -1))
				fail_msg("%s.%s", late[i], lua_tostring(stock, -2));
			lua_pop(L, 2);
		}
		lua_pop(stock, 1);
	}
	run_in(L, "assert(math.type(1) == 'integer' and math.ult(1, 2) and math.maxinteger and utf8.char(65) == 'A')\n"
		  "assert(require 'ffi'.sizeof 'int' == 4)", "all");
	close_vm(stock, stock_heap);
	close_vm(L, heap);
}

/* Of each kind of first use; afterwards it is as if it had been there from the start. */
static void test_first_use(void **state)
{
	(void)state;
	static const char *const uses[] = {
		"local name = ... local unused = _G[name].nothing",
		("local name = ... local meta = debug.getmetatable(_G[name])\n"
		 "if meta then local _, lib = meta.__pairs(_G[name]) assert(lib == _G[name]) end"),
		"local name = ... _G[name].mine = 1 assert(_G[name].mine == 1) _G[name].mine = nil",
		"local name = ... coroutine.wrap(function() return _G[name].nothing end)()",
	};
	for (size_t i = 0; i < COUNT_OF(uses); i++) {
		for (size_t k = 0; k < COUNT_OF(late); k++) {
			struct heap *heap;
			lua_State *L = new_vm(&heap, open_ours);
			run_in(L, uses[i], late[k]);
			run_in(L, "local name = ... local lib = _G[name]\n"
				  "assert(getmetatable(lib) == nil and next(lib) and package.loaded[name] == lib)",
			       late[k]);
			close_vm(L, heap);
		}
	}
}

/* What a service sets in a library before it has read anything there is not written over. */
static void test_replaced(void **state)
{
	(void)state;
	run("os.exit = 'mine' assert(os.exit == 'mine' and os.time() and os.exit == 'mine')", "os");
}

/* A sandbox takes it away, or puts something else there. */
static void test_not_loaded(void **state)
{
	(void)state;
	run_each("local name = ... local lib = _G[name] _G[name], package.loaded[name] = nil, nil\n"
		 "local unused = lib.nothing\n"
		 "assert(next(lib) and _G[name] == nil and package.loaded[name] == nil)");
	run_each("local name = ... local lib = _G[name] package.loaded[name] = 7\n"
		 "local unused = lib.nothing\n"
		 "assert(next(lib) and package.loaded[name] == 7)");
}

/* Somebody may have copied the metatable. */
static void test_copied(void **state)
{
	(void)state;
	run("local copy = {} debug.setmetatable(copy, debug.getmetatable(bit))\n"
	    "assert(copy.band == nil and next(bit) == nil)\n"
	    "copy.x = 1 assert(copy.x == 1 and bit.band(3, 1) == 1)", "bit");
}

/* Wherever the memory ends: it says so, and later everything is there. */
static void test_no_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(late); i++) {
		int refused = 0;
		for (size_t more = 0; more < 6000; more += 64) {
			struct heap *heap;
			lua_State *L = new_vm(&heap, open_ours);
			luaL_loadstring(L, "local name, lib = ... return lib.nothing");
			lua_pushstring(L, late[i]);
			lua_getglobal(L, late[i]);
			heap_set_limit_bytes(heap, heap_used_bytes(heap) + more);
			if (lua_pcall(L, 2, 0, 0) != 0) {
				assert_string_equal(lua_tostring(L, -1), "not enough memory");
				refused++;
			}
			heap_set_limit_bytes(heap, 0);
			run_in(L, "local name = ... local unused = _G[name].nothing\n"
				  "assert(getmetatable(_G[name]) == nil and next(_G[name]))\n"
				  "assert(os.time() and math.type(1) and bit.band(1, 1) == 1 and utf8.char(65) == 'A')\n"
				  "assert(io.stdout and debug.getinfo(1))",
			       late[i]);
			close_vm(L, heap);
		}
		assert_in_range(refused, 5, 90);
	}
}

/* Why all this. */
static void test_bytes(void **state)
{
	(void)state;
	struct heap *heap, *stock_heap;
	lua_State *stock = new_vm(&stock_heap, open_luajit);
	lua_State *L = new_vm(&heap, open_ours);
	lua_gc(stock, LUA_GCCOLLECT, 0);
	lua_gc(L, LUA_GCCOLLECT, 0);
	assert_true(heap_used_bytes(heap) + 8000 < heap_used_bytes(stock_heap));
	close_vm(stock, stock_heap);
	close_vm(L, heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before),	   cmocka_unit_test(test_complete),
		cmocka_unit_test(test_first_use),  cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_not_loaded), cmocka_unit_test(test_copied),
		cmocka_unit_test(test_no_memory),  cmocka_unit_test(test_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
