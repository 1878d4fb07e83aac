/* SPDX-License-Identifier: MIT
 *
 * How long services wait unless they say otherwise: core.calltimeout, core.deadlock.
 */
#include "core/clock.h"
#include "luabind/api.h"
#include "luabind/luabind.h"

#include <lauxlib.h>
#include <math.h>

int64_t api_calltimeout_ns;
int64_t api_deadlock_ns = NS_PER_S;

static int push_cs(lua_State *L, int64_t ns)
{
	lua_pushnumber(L, ns ? (lua_Number)ns / NS_PER_CS : HUGE_VAL);
	return 1;
}

/* () -> how long a call waits for its answer, in 1/100 s; infinity: for ever */
static int core_calltimeout(lua_State *L)
{
	return push_cs(L, api_calltimeout_ns);
}

/* () -> how long a task waits for a lock before it asks whether it waits for itself, in 1/100 s; infinity: it never asks */
static int core_deadlock(lua_State *L)
{
	return push_cs(L, api_deadlock_ns);
}

const luaL_Reg *patience_functions(void)
{
	static const luaL_Reg functions[] = {
		{"calltimeout", core_calltimeout}, {"deadlock", core_deadlock}, {NULL, NULL}};
	return functions;
}
