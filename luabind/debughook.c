/* SPDX-License-Identifier: MIT */
#include "luabind/debughook.h"

#include "luabind/interrupt.h"

#include <lauxlib.h>
#include <string.h>

/* Its address is the registry key of a table: coroutine (weak) -> { function, mask }. One hook of ours is set for the
 * VM, with all masks together, as long as there is an entry. */
static const char hooks_key;

enum { SLOT_FUNCTION = 1, SLOT_MASK };

static void push_hooks(lua_State *L)
{
	lua_pushlightuserdata(L, (void *)(uintptr_t)&hooks_key);
	lua_rawget(L, LUA_REGISTRYINDEX);
	if (!lua_isnil(L, -1))
		return;
	lua_pop(L, 1);
	lua_newtable(L);
	lua_pushliteral(L, "k");
	lua_setfield(L, -2, "__mode");
	lua_pushvalue(L, -1);
	lua_setmetatable(L, -2); /* its own metatable */
	lua_pushlightuserdata(L, (void *)(uintptr_t)&hooks_key);
	lua_pushvalue(L, -2);
	lua_rawset(L, LUA_REGISTRYINDEX);
}

static int mask_of_event(int event)
{
	return event == LUA_HOOKTAILRET ? LUA_MASKRET : 1 << event;
}

/* Pushes the function that wants this event in this coroutine; false: none, and nothing is pushed. */
static bool push_function(lua_State *L, int event)
{
	int top = lua_gettop(L);
	push_hooks(L);
	lua_pushthread(L);
	lua_rawget(L, -2);
	bool wanted = false;
	if (lua_istable(L, -1)) {
		lua_rawgeti(L, -1, SLOT_MASK);
		wanted = lua_tointeger(L, -1) & mask_of_event(event);
		lua_rawgeti(L, -2, SLOT_FUNCTION);
		lua_replace(L, top + 1);
	}
	lua_settop(L, wanted ? top + 1 : top);
	return wanted;
}

static void on_event(lua_State *L, lua_Debug *ar)
{
	static const char *const names[] = {"call", "return", "line", "count", "tail return"};
	if (!push_function(L, ar->event))
		return;
	lua_pushstring(L, names[ar->event]);
	if (ar->currentline >= 0)
		lua_pushinteger(L, ar->currentline);
	else
		lua_pushnil(L);
	lua_call(L, 2, 1);
	bool yields = lua_toboolean(L, -1);
	lua_pop(L, 1);
	/* Not in a callback of a C function (table.sort, ...), which cannot be left in the middle. */
	if (yields && lua_isyieldable(L))
		lua_yield(L, 0);
}

/* Sets the VM's hook (NULL: none), with regard to those that the signal handler arms: one that will put the service's own
 * back when it is through gets ours for that; the killing one stays. */
static void set_hook(lua_State *L, lua_Hook hook, int mask, int count)
{
	struct vm *vm = vm_of(L);
	sigset_t before;
	interrupt_hold(&before);
	lua_Hook present = lua_gethook(L);
	if (present == hook_probe || present == hook_raise) {
		vm->user_hook = hook;
		vm->user_hook_mask = mask;
		vm->user_hook_count = count;
	} else if (present != hook_kill) {
		lua_sethook(L, NULL, 0, 0);
		if (hook)
			lua_sethook(L, hook, mask, count);
	}
	interrupt_release(&before);
}

/* Ours, or it will be when a probe is through. */
static bool is_set(lua_State *L)
{
	return lua_gethook(L) == on_event || vm_of(L)->user_hook == on_event;
}

static int parse_mask(const char *letters, int count)
{
	int mask = count > 0 ? LUA_MASKCOUNT : 0;
	mask |= strchr(letters, 'c') ? LUA_MASKCALL : 0;
	mask |= strchr(letters, 'r') ? LUA_MASKRET : 0;
	return mask | (strchr(letters, 'l') ? LUA_MASKLINE : 0);
}

/* The table of hooks is on top of the stack. */
static int all_masks(lua_State *L)
{
	int mask = 0;
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
		if (!lua_istable(L, -1))
			continue; /* __mode */
		lua_rawgeti(L, -1, SLOT_MASK);
		mask |= (int)lua_tointeger(L, -1);
		lua_pop(L, 1);
	}
	return mask;
}

int debughook_set(lua_State *L)
{
	if (!lua_isthread(L, 1)) {
		lua_pushthread(L);
		lua_insert(L, 1);
	}
	bool wanted = !lua_isnoneornil(L, 2);
	int count = (int)luaL_optinteger(L, 4, 0), mask = 0;
	if (wanted) {
		luaL_checktype(L, 2, LUA_TFUNCTION);
		mask = parse_mask(luaL_checkstring(L, 3), count);
	}
	lua_settop(L, 2);
	push_hooks(L);
	lua_pushvalue(L, 1);
	if (wanted) {
		lua_createtable(L, 2, 0);
		lua_pushvalue(L, 2);
		lua_rawseti(L, -2, SLOT_FUNCTION);
		lua_pushinteger(L, mask);
		lua_rawseti(L, -2, SLOT_MASK);
	} else {
		lua_pushnil(L);
	}
	lua_rawset(L, -3);
	mask = all_masks(L);
	if (mask || is_set(L))
		set_hook(L, mask ? on_event : NULL, mask, count);
	return 0;
}
