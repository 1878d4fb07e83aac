/* SPDX-License-Identifier: MIT
 *
 * What f does in Lua can be parked, and what it does in a C module can be held, so this frame below it is PARKABLE:
 * it holds nothing and keeps no thread. Compiled like the doors (enter.h). The two calls of the scheduler are not
 * parkable themselves; nobody is parked in them.
 *
 * lua_pcall and not lua_call: also after an error the service must not go on without a worker.
 */
#include "luabind/blocking.h"
#include "core/base.h"
#include "sched/hold.h"

#include <lauxlib.h>

NOINLINE PARKABLE int blocking_call(lua_State *L)
{
	luaL_checkany(L, 1);
	hold_step_aside(); /* without a spare it blocks its worker, as any C function does */
	int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
	hold_come_back();
	if (status != 0)
		return lua_error(L);
	return lua_gettop(L);
}
