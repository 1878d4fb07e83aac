/* SPDX-License-Identifier: MIT
 *
 * LuaJIT's API knows no way to end a suspended coroutine, so one that has yielded is resumed with a count hook that
 * raises an error at its first instruction, and again at every further one, so that no pcall in there keeps it
 * alive. Not one instruction of it runs, except in message handlers of an xpcall: LuaJIT calls those with hooks
 * off. The obvious other way, a set of closed coroutines that resume and status look into, would make every
 * resume of every task slower, and C code that resumes would not know of it.
 *
 * Hooks belong to the VM, not to the coroutine. The one that was there (the user's, or a probe of the watchdog)
 * is put back, unless the service was killed meanwhile: then the killing hook stays. A probe that comes while ours
 * is armed puts ours back when it is through, which may be too late; so ours takes itself off when no close is
 * under way.
 */
#include "luabind/coclose.h"

#include "luabind/interrupt.h"
#include <lauxlib.h>

static const char closing; /* its address is the error that ends a coroutine */

static void raise_closing(lua_State *L, lua_Debug *ar);

/* Signal held. Cleared first, as in interrupt.c. */
static void arm(lua_State *L, struct vm *vm)
{
	lua_Hook present = lua_gethook(L);
	if (vm->closing++ == 0 && present != raise_closing) {
		bool probe = present == hook_probe; /* it will be asked for again */
		vm->hook_before_close = probe ? vm->user_hook : present;
		vm->hook_before_mask = probe ? vm->user_hook_mask : lua_gethookmask(L);
		vm->hook_before_count = probe ? vm->user_hook_count : lua_gethookcount(L);
	}
	lua_sethook(L, NULL, 0, 0);
	lua_sethook(L, raise_closing, LUA_MASKCOUNT, 1);
}

/* Signal held. */
static void disarm(lua_State *L, struct vm *vm)
{
	if (lua_gethook(L) != raise_closing)
		return;
	lua_sethook(L, NULL, 0, 0);
	if (vm->hook_before_close)
		lua_sethook(L, vm->hook_before_close, vm->hook_before_mask, vm->hook_before_count);
}

static void raise_closing(lua_State *L, lua_Debug *ar)
{
	struct vm *vm = vm_of(L);
	sigset_t before;
	(void)ar;
	if (vm->closing > 0) {
		lua_pushlightuserdata(L, (void *)(uintptr_t)&closing);
		lua_error(L);
	}
	interrupt_hold(&before);
	disarm(L, vm);
	interrupt_release(&before);
}

/* The thread may be another one after lua_resume; the mask that is put back is the same on all. */
static void end_suspended(lua_State *co)
{
	struct vm *vm = vm_of(co);
	sigset_t before;
	if (lua_gethook(co) == hook_kill)
		return; /* the service ends, and this one with it */
	interrupt_hold(&before);
	arm(co, vm);
	interrupt_release(&before);
	lua_resume(co, 0);
	interrupt_hold(&before);
	if (--vm->closing == 0)
		disarm(co, vm);
	interrupt_release(&before);
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
