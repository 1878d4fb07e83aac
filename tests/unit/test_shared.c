/* SPDX-License-Identifier: MIT
 *
 * Shared tables: what a build shares with what it replaces, what is left of one that raises, and names that many threads
 * publish under and read from.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/atomics.h"
#include "luabind/shared.h"

#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <string.h>

enum { THREADS = 4, ROUNDS = 300 };

/* (light userdata: the draft) -> light userdata: the table; the table to be built is on the stack below */
static int build_protected(lua_State *L)
{
	lua_pushlightuserdata(L, shared_build(L, lua_touserdata(L, 1), 2));
	return 1;
}

/* The table that the chunk returns, beside `before` (a reference is taken of it), or NULL when that raises. */
static struct shared_table *build(lua_State *L, const char *chunk, struct shared_table *before)
{
	struct shared_draft draft = {.before = before};
	if (before)
		add_relaxed(&before->references, 1);
	lua_settop(L, 0);
	lua_pushcfunction(L, build_protected);
	lua_pushlightuserdata(L, &draft);
	assert_int_equal(luaL_loadstring(L, chunk), 0);
	lua_call(L, 0, 1);
	struct shared_table *t = lua_pcall(L, 2, 1, 0) == 0 ? lua_touserdata(L, -1) : NULL;
	shared_draft_drop(&draft);
	return t;
}

static struct shared_value field(lua_State *L, const struct shared_table *t, const char *key)
{
	lua_settop(L, 0);
	lua_pushstring(L, key);
	return shared_get(L, t, 1);
}

static void test_sharing(void **state)
{
	lua_State *L = *state;
	struct shared_table *one = build(L, "return { a = { 1, 2, { x = 'y' } }, b = { c = { 0/0 } }, [0.5] = true }", NULL);
	assert_int_equal(shared_tables(), 5);
	struct shared_table *same = build(L, "return { b = { c = { 0/0 } }, [0.5] = true, a = { 1, 2, { x = 'y' } } }", one);
	assert_ptr_equal(same, one);
	assert_int_equal(shared_tables(), 5);
	struct shared_table *two = build(L, "return { a = { 1, 2, { x = 'z' } }, b = { c = { 0/0 } }, [0.5] = true }", one);
	assert_int_equal(shared_tables(), 5 + 3);
	assert_ptr_equal(field(L, two, "b").table, field(L, one, "b").table);
	assert_true(field(L, two, "a").table->number != field(L, one, "a").table->number);
	shared_release(one);
	shared_release(same);
	assert_int_equal(shared_tables(), 5);
	assert_true(field(L, two, "b").kind == SHARED_TABLE);
	shared_release(two);
	assert_int_equal(shared_tables(), 0);
}

/* Each is not what was there before, in one value. */
static void test_differences(void **state)
{
	static const char *const others[] = {
		"return { 1, 2, s = 's', t = true, n = 1 }", "return { 1, s = 's', t = true, n = 1, x = 1 }",
		"return { 1, s = 't', t = true, n = 1 }",    "return { 1, s = 's', t = false, n = 1 }",
		"return { 1, s = 's', t = true, n = 2 }",    "return { 1, s = 's', t = true, n = '1' }",
		"return { 1, s = 's', t = true, m = 1 }",    "return { 1, s = 's', t = true, n = {} }",
		"return { 2, s = 's', t = true, n = 1 }",    "return { [2] = 1, s = 's', t = true, n = 1 }",
		"return {}",                                 "return { 1, s = 's', t = true, n = -0.0 }",
	};
	lua_State *L = *state;
	struct shared_table *one = build(L, "return { 1, s = 's', t = true, n = 1 }", NULL);
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		struct shared_table *other = build(L, others[i], one);
		assert_true(other != one);
		shared_release(other);
	}
	shared_release(one);
	assert_int_equal(shared_tables(), 0);
}

/* In a table of so many flags `#` is 2^23, if all lie in its hash part. */
static void test_sparse_lists(void **state)
{
	static const char chunk[] = "local source = {}\n"
				    "for i = 1, 24 do source[i] = ('[%d] = x'):format(2 ^ (i - 1)) end\n"
				    "return loadstring('local x = 7 return {' .. table.concat(source, ',') .. '}')()";
	lua_State *L = *state;
	struct shared_table *t = build(L, chunk, NULL);
	assert_true(t->length <= 1024);
	lua_settop(L, 0);
	for (int i = 0; i < 24; i++) {
		lua_pushnumber(L, (double)(1 << i));
		assert_int_equal(shared_get(L, t, -1).kind, SHARED_NUMBER);
		lua_pop(L, 1);
	}
	assert_ptr_equal(build(L, chunk, t), t);
	shared_release(t);
	shared_release(t);
	assert_int_equal(shared_tables(), 0);
}

static void test_failures(void **state)
{
	static const char *const wrong[] = {
		"return { a = { { print } }, b = 1 }", "return { { { [print] = 1 } }, { 1 } }",
		"local t = { x = {} } t.x.t = t return t", "return { x = { 1 }, y = coroutine.create(print) }",
	};
	lua_State *L = *state;
	struct shared_table *one = build(L, "return { a = { { 1 } }, x = { 1 } }", NULL);
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		assert_null(build(L, wrong[i], one));
		assert_int_equal(shared_tables(), 4);
	}
	shared_release(one);
	assert_int_equal(shared_tables(), 0);
}

/* Publishes { v = i, deep = { v = i }, same = { { "same" } } }; what it reads must be of one state. */
static void *publish_and_read(void *arg)
{
	lua_State *L = luaL_newstate();
	char chunk[128];
	luaL_openlibs(L);
	for (int i = 0; i < ROUNDS; i++) {
		struct shared_table *present = shared_newest("threads");
		snprintf(chunk, sizeof(chunk), "return { v = %d, deep = { v = %d }, same = { { 'same' } } }", i, i);
		shared_publish("threads", build(L, chunk, present), false);
		if (present == NULL)
			continue;
		struct shared_table *deep = field(L, present, "deep").table;
		assert_true(field(L, present, "v").number == field(L, deep, "v").number);
		assert_true(field(L, present, "same").table->length == 1);
		shared_release(present);
	}
	lua_close(L);
	return arg;
}

static void test_threads(void **state)
{
	pthread_t threads[THREADS];
	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, publish_and_read, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(shared_tables(), 4);
	assert_true(shared_delete("threads"));
	assert_int_equal(shared_tables(), 0);
}

static int open_state(void **state)
{
	*state = luaL_newstate();
	luaL_openlibs(*state);
	return 0;
}

static int close_state(void **state)
{
	lua_close(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sharing),
		cmocka_unit_test(test_differences),
		cmocka_unit_test(test_sparse_lists),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_threads),
	};
	return cmocka_run_group_tests(tests, open_state, close_state);
}
