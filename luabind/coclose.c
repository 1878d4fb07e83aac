/* SPDX-License-Identifier: MIT
 *
 * LuaJIT's API knows no way to end a suspended coroutine, so one that has yielded is resumed with a count hook that
 * raises an error at its first instruction, and again at every further one, so that no pcall in there keeps it
 * alive. Not one instruction of it runs, except in message handlers of an xpcall: LuaJIT calls those with hooks
 * off. The obvious other way, a set of closed coroutines that resume and status look into, would make every
 * resume of every task slower, and C code that resumes would not know of it.
 *
 * Hooks belong to the VM, not to the coroutine: the one that was there (the user's, or a probe of the watchdog)
 * is put back, unless the service was killed meanwhile: then the killing hook stays.
 */
#include "luabind/coclose.h"

#include "luabind/interrupt.h"
#include <lauxlib.h>

static const char closing; /* its address is the error that ends a coroutine */

static void raise_closing(lua_State *L, lua_Debug *ar)
{
	(void)ar;
	lua_pushlightuserdata(L, (void *)(uintptr_t)&closing);
	lua_error(L);
}

static void end_suspended(lua_State *co)
{
	lua_Hook before = lua_gethook(co);
	int mask = lua_gethookmask(co), count = lua_gethookcount(co);
	if (before == hook_kill)
		return; /* the service ends, and this one with it */
	lua_sethook(co, NULL, 0, 0);
	lua_sethook(co, raise_closing, LUA_MASKCOUNT, 1);
	lua_resume(co, 0);
	if (lua_gethook(co) == raise_closing) {
		lua_sethook(co, NULL, 0, 0);
		if (before)
			lua_sethook(co, before, mask, count);
	}
}

/* Its status as coroutine.status gives it, by the first letter: suspended, running, normal, dead. */
static char status_of(lua_State *L, lua_State *co)
{
	lua_Debug frame;
	if (co == L)
		return 'r';
	if (lua_status(co) == LUA_YIELD)
		return 's';
	if (lua_status(co) != 0)
		return 'd';
	if (lua_getstack(co, 0, &frame) > 0)
		return 'n';
	return lua_gettop(co) == 0 ? 'd' : 's';
}

int coclose(lua_State *L)
{
	lua_State *co = lua_tothread(L, 1);
	luaL_argcheck(L, co, 1, "coroutine expected");
	switch (status_of(L, co)) {
	case 'r':
		return luaL_error(L, "cannot close a running coroutine");
	case 'n':
		return luaL_error(L, "cannot close a normal coroutine");
	case 's':
		if (lua_status(co) == LUA_YIELD)
			end_suspended(co);
		break;
	}
	lua_settop(co, 0); /* of one that never ran, this is its end */
	lua_pushboolean(L, true);
	return 1;
}
