/* SPDX-License-Identifier: MIT
 *
 * A Lua module with everything that C code can do to a worker that called it.
 */
#include <errno.h>
#include <lauxlib.h>
#include <time.h>
#include <unistd.h>

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

int luaopen_chog(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"spin", chog_spin},
		{"spin_ms", chog_spin_ms},
		{"sleep_forever", chog_sleep_forever},
		{"sleep_ms", chog_sleep_ms},
		{NULL, NULL},
	};
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	return 1;
}
