/* SPDX-License-Identifier: MIT */
#include "luabind/codecache.h"

#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char path[] = "codecache_XXXXXX";
static int edits;

/* The size differs each time, since the clock of a file system can be coarse. */
static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "%s\n%*s", text, ++edits, "");
	fclose(f);
}

static lua_State *new_vm(void)
{
	lua_State *L = luaL_newstate();
	assert_non_null(L);
	luaL_openlibs(L);
	codecache_open(L);
	return L;
}

/* What the file's chunk returns in this VM. */
static double run_file(lua_State *L, enum codecache_mode mode)
{
	assert_int_equal(codecache_load_file(L, path, mode), 0);
	assert_int_equal(lua_pcall(L, 0, 1, 0), 0);
	double value = lua_tonumber(L, -1);
	lua_pop(L, 1);
	return value;
}

static double run_afresh(enum codecache_mode mode)
{
	lua_State *L = new_vm();
	double value = run_file(L, mode);
	lua_close(L);
	return value;
}

static struct codecache_figures figures(void)
{
	struct codecache_figures f;
	codecache_figures(&f);
	return f;
}

static int setup(void **state UNUSED)
{
	strcpy(path, "codecache_XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	return 0;
}

static int teardown(void **state UNUSED)
{
	unlink(path);
	return 0;
}

static void test_compiled_once(void **state UNUSED)
{
	write_file("return 1");
	struct codecache_figures before = figures();
	for (int i = 0; i < 3; i++)
		assert_true(run_afresh(CODECACHE_ON) == 1);
	assert_int_equal(figures().misses - before.misses, 1);
	assert_int_equal(figures().hits - before.hits, 2);
	assert_int_equal(figures().chunks - before.chunks, 1);
	assert_true(figures().bytes > before.bytes);
}

static void test_old_until_clear(void **state UNUSED)
{
	write_file("return 1");
	assert_true(run_afresh(CODECACHE_ON) == 1);
	write_file("return 2");
	assert_true(run_afresh(CODECACHE_ON) == 1);
	size_t chunks = figures().chunks;
	codecache_clear();
	assert_true(run_afresh(CODECACHE_ON) == 2);
	assert_int_equal(figures().chunks, chunks);
}

/* A clear costs a look at each file, not its compilation. */
static void test_unchanged_is_kept(void **state UNUSED)
{
	write_file("return 1");
	run_afresh(CODECACHE_ON);
	uint64_t misses = figures().misses;
	codecache_clear();
	assert_true(run_afresh(CODECACHE_ON) == 1);
	assert_true(run_afresh(CODECACHE_ON) == 1);
	assert_int_equal(figures().misses, misses);
}

static void test_modes(void **state UNUSED)
{
	write_file("return 1");
	size_t chunks = figures().chunks;
	assert_true(run_afresh(CODECACHE_EXIST) == 1);
	assert_true(run_afresh(CODECACHE_OFF) == 1);
	assert_int_equal(figures().chunks, chunks);
	run_afresh(CODECACHE_ON);
	assert_int_equal(figures().chunks, chunks + 1);
	write_file("return 2");
	assert_true(run_afresh(CODECACHE_EXIST) == 1);
	assert_true(run_afresh(CODECACHE_OFF) == 2);
	codecache_clear();
	assert_true(run_afresh(CODECACHE_EXIST) == 2);
}

static void test_errors(void **state UNUSED)
{
	size_t chunks = figures().chunks;
	lua_State *L = new_vm();
	write_file("return return");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(codecache_load_file(L, path, CODECACHE_ON), LUA_ERRSYNTAX);
		assert_non_null(strstr(lua_tostring(L, -1), ":1: "));
	}
	unlink(path);
	assert_int_equal(codecache_load_file(L, path, CODECACHE_ON), LUA_ERRFILE);
	assert_int_equal(figures().chunks, chunks);
	lua_close(L);
}

/* A file that is gone after a clear is an error, and its chunk goes too. */
static void test_removed_file(void **state UNUSED)
{
	write_file("return 1");
	run_afresh(CODECACHE_ON);
	size_t chunks = figures().chunks;
	unlink(path);
	assert_true(run_afresh(CODECACHE_ON) == 1);
	codecache_clear();
	lua_State *L = new_vm();
	assert_int_equal(codecache_load_file(L, path, CODECACHE_ON), LUA_ERRFILE);
	lua_close(L);
	assert_int_equal(figures().chunks, chunks - 1);
}

static void assert_lua(const char *code)
{
	lua_State *L = new_vm();
	lua_pushstring(L, path);
	lua_setglobal(L, "path");
	if (luaL_dostring(L, code) != 0)
		fail_msg("%s", lua_tostring(L, -1));
	lua_close(L);
}

static void test_module(void **state UNUSED)
{
	write_file("\n\nlocal first, second = ...\nif first then error('here') end\nreturn value");
	for (int i = 0; i < 2; i++) {
		/* Line, name and environment are those of a chunk that was compiled here. */
		assert_lua("local _, err = pcall(loadfile(path), true)\n"
			   "assert(err == path .. ':4: here', err)");
		assert_lua("assert(debug.getinfo(loadfile(path), 'S').source == '@' .. path)\n"
			   "value = 5 assert(loadfile(path)() == 5)\n"
			   "assert(loadfile(path, 't', { value = 6 })() == 6)\n"
			   "assert(loadfile(path, nil, { value = 7 })() == 7)");
	}
	assert_lua("local c = require 'skynet.codecache'\n"
		   "assert(c.mode() == 'ON') c.mode 'EXIST' assert(c.mode() == 'EXIST')\n"
		   "assert(not pcall(c.mode, 'NONE'))\n"
		   "assert(c.loadfile == loadfile and c.clear() == nil and c.figures().chunks > 0)\n"
		   "local f, err = loadfile 'no/such/file.lua'\n"
		   "assert(f == nil and err:find 'no/such/file.lua')");
	assert_lua("assert(require('skynet.codecache').mode() == 'ON')");
}

static void test_embedded(void **state UNUSED)
{
	static const char source[] = "return 7";
	const struct embedded e = {"module", "x", "@x.lua", (const unsigned char *)source, 8};
	struct codecache_figures before = figures();
	lua_State *L = new_vm();
	for (int i = 0; i < 3; i++) {
		assert_int_equal(codecache_load_embedded(L, &e), 0);
		lua_call(L, 0, 1);
		assert_true(lua_tonumber(L, -1) == 7);
		codecache_clear();
	}
	lua_close(L);
	assert_int_equal(figures().misses - before.misses, 1);
}

#define THREADS 4
#define ROUNDS  (WITH_ASAN || WITH_TSAN ? 200 : 2000)

static void *load_for_ever(void *arg)
{
	lua_State *L = arg;
	for (int i = 0; i < ROUNDS; i++) {
		double value = 0;
		if (codecache_load_file(L, path, CODECACHE_ON) == 0 && lua_pcall(L, 0, 1, 0) == 0)
			value = lua_tonumber(L, -1);
		lua_settop(L, 0);
		/* 0: the file was empty at that moment, between truncation and writing. */
		assert_true(value == 0 || value == 11 || value == 22);
		if (i % 10 == 0)
			codecache_clear();
	}
	return NULL;
}

static void test_threads(void **state UNUSED)
{
	pthread_t thread[THREADS];
	lua_State *L[THREADS];
	write_file("return 11");
	for (int i = 0; i < THREADS; i++) {
		L[i] = new_vm();
		assert_int_equal(pthread_create(&thread[i], NULL, load_for_ever, L[i]), 0);
	}
	for (int i = 0; i < 50; i++)
		write_file(i % 2 ? "return 11" : "return 22");
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		lua_close(L[i]);
	}
	codecache_clear();
	assert_true(run_afresh(CODECACHE_ON) == 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_compiled_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_until_clear, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unchanged_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_modes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_removed_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_module, setup, teardown),
		cmocka_unit_test_setup_teardown(test_embedded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
