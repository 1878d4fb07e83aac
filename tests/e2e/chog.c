/* SPDX-License-Identifier: MIT
 *
 * A Lua module with everything that C code can do to a worker that called it.
 */
#include <errno.h>
#include <lauxlib.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* (milliseconds of CPU, as far as can be told) -> turns; without a system call and without a call of libc */
static int chog_work(lua_State *L)
{
	lua_Number turns = luaL_checknumber(L, 1) * 1e5;
	volatile double x = 1;
	for (lua_Number i = 0; i < turns; i++)
		x = x * 1.0000001 + 1e-9;
	lua_pushnumber(L, turns);
	return 1;
}

/* (milliseconds, times) -> how often a signal interrupted one of so many sleeps */
static int chog_interrupted(lua_State *L)
{
	long ns = (long)(luaL_checknumber(L, 1) * 1e6);
	int times = (int)luaL_checknumber(L, 2), interrupted = 0;
	for (int i = 0; i < times; i++) {
		struct timespec nap = {ns / 1000000000, ns % 1000000000};
		interrupted += nanosleep(&nap, NULL) != 0 && errno == EINTR;
	}
	lua_pushnumber(L, interrupted);
	return 1;
}

static int less(const void *a, const void *b)
{
	volatile unsigned turns = 0;
	while (++turns < 100000000)
		;
	return *(const char *)a - *(const char *)b;
}

/* () for ever, below a frame of libc that might hold something */
static int chog_sort(lua_State *L)
{
	(void)L;
	for (;;) {
		char text[] = "some characters";
		qsort(text, sizeof(text) - 1, 1, less);
	}
	return 0;
}

int luaopen_chog(lua_State *L);

static double now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* () for ever, without a system call */
static int chog_spin(lua_State *L)
{
	volatile unsigned turns = 0;
	(void)L;
	for (;;)
		turns++;
	return 0;
}

/* (milliseconds) */
static int chog_spin_ms(lua_State *L)
{
	double until = now_ms() + luaL_checknumber(L, 1);
	while (now_ms() < until)
		;
	return 0;
}

/* () for ever, in one system call after the other; signals do not end it */
static int chog_sleep_forever(lua_State *L)
{
	(void)L;
	for (;;)
		pause();
	return 0;
}

/* (milliseconds) in one system call, begun again with what is left when a signal interrupts it */
static int chog_sleep_ms(lua_State *L)
{
	long ns = (long)(luaL_checknumber(L, 1) * 1e6);
	struct timespec left = {ns / 1000000000, ns % 1000000000};
	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		;
	return 0;
}

/* () reads through a null pointer */
static int chog_null(lua_State *L)
{
	int *volatile nothing = NULL;
	lua_pushinteger(L, *nothing);
	return 1;
}

static int chog_abort(lua_State *L)
{
	(void)L;
	abort();
}

/* (numerator) / 0 in integers */
static int chog_divide(lua_State *L)
{
	volatile int zero = 0;
	lua_pushinteger(L, (int)luaL_checkinteger(L, 1) / zero);
	return 1;
}

static int chog_illegal(lua_State *L)
{
	(void)L;
	__builtin_trap();
}

/* () calls a function that is not there */
static int chog_jump(lua_State *L)
{
	int (*volatile nowhere)(lua_State *) = NULL;
	return nowhere(L) + 1;
}

/* Of no use to a compiler that would make a loop of it. */
static int deeper(volatile char *above, int n)
{
	volatile char mine[512];
	mine[0] = above[0];
	return n == 0 ? 0 : deeper(mine, n - 1) + mine[0];
}

/* () runs over the C stack, without a call of libc or of Lua */
static int chog_recurse(lua_State *L)
{
	volatile char here = 0;
	lua_pushinteger(L, deeper(&here, 1 << 30));
	return 1;
}

/* (function) calls it: a frame of foreign code between two of the VM */
static int chog_call(lua_State *L)
{
	lua_settop(L, 1);
	lua_call(L, 0, 0);
	return 0;
}

static void *crash_on_thread(void *arg)
{
	int *volatile nothing = arg;
	*nothing = 1;
	return NULL;
}

/* () crashes on a thread that is none of the runtime's, and waits */
static int chog_thread_null(lua_State *L)
{
	pthread_t thread;
	(void)L;
	pthread_create(&thread, NULL, crash_on_thread, NULL);
	for (;;)
		pause();
	return 0;
}

/* () crashes with rubbish where the VM's memory is expected: what looks at it crashes too */
static int chog_smash(lua_State *L)
{
	memset((void *)L, 0x5a, 64);
	return chog_null(L);
}

/* For all services of the process together: the library is there once. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
enum { WITNESSES_MAX = 65536 };
static atomic_int made[WITNESSES_MAX], finalized[WITNESSES_MAX];

/* (milliseconds) computes for so long with the lock in its hands */
static int chog_hold_ms(lua_State *L)
{
	double ms = luaL_checknumber(L, 1);
	pthread_mutex_lock(&lock);
	double until = now_ms() + ms;
	while (now_ms() < until)
		;
	pthread_mutex_unlock(&lock);
	return 0;
}

/* () -> whether nobody has the lock */
static int chog_lock_is_free(lua_State *L)
{
	bool is_free = pthread_mutex_trylock(&lock) == 0;
	if (is_free)
		pthread_mutex_unlock(&lock);
	lua_pushboolean(L, is_free);
	return 1;
}

static int witness_gc(lua_State *L)
{
	atomic_fetch_add(&finalized[*(int *)lua_touserdata(L, 1)], 1);
	return 0;
}

/* (number) -> an object that counts under this number, now and when it is finalized */
static int chog_witness(lua_State *L)
{
	int number = (int)luaL_checkinteger(L, 1);
	luaL_argcheck(L, number >= 0 && number < WITNESSES_MAX, 1, "too many witnesses");
	*(int *)lua_newuserdata(L, sizeof(int)) = number;
	lua_createtable(L, 0, 1);
	lua_pushcfunction(L, witness_gc);
	lua_setfield(L, -2, "__gc");
	lua_setmetatable(L, -2);
	atomic_fetch_add(&made[number], 1);
	return 1;
}

/* (number) -> how many of this number were made, and how many were finalized */
static int chog_witnesses(lua_State *L)
{
	int number = (int)luaL_checkinteger(L, 1);
	luaL_argcheck(L, number >= 0 && number < WITNESSES_MAX, 1, "too many witnesses");
	lua_pushinteger(L, atomic_load(&made[number]));
	lua_pushinteger(L, atomic_load(&finalized[number]));
	return 2;
}

int luaopen_chog(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"spin", chog_spin},
		{"spin_ms", chog_spin_ms},
		{"sleep_forever", chog_sleep_forever},
		{"sleep_ms", chog_sleep_ms},
		{"work", chog_work},
		{"interrupted", chog_interrupted},
		{"sort", chog_sort},
		{"null", chog_null},
		{"abort", chog_abort},
		{"divide", chog_divide},
		{"illegal", chog_illegal},
		{"jump", chog_jump},
		{"recurse", chog_recurse},
		{"call", chog_call},
		{"thread_null", chog_thread_null},
		{"smash", chog_smash},
		{"hold_ms", chog_hold_ms},
		{"lock_is_free", chog_lock_is_free},
		{"witness", chog_witness},
		{"witnesses", chog_witnesses},
		{NULL, NULL},
	};
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	return 1;
}
