/* SPDX-License-Identifier: MIT */
#include "luabind/api.h"
#include "core/clock.h"
#include "core/env.h"
#include "core/handle.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/name.h"
#include "core/timer.h"
#include "luabind/blocking.h"
#include "luabind/luabind.h"
#include "luabind/made.h"
#include "luabind/seri.h"
#include "luabind/vm.h"
#include "sched/sched.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

uint32_t (*api_launch)(const char *line, uint32_t creator, const char **error);
void (*api_abort)(int exit_status);
void (*api_stopping)(uint32_t handle, bool begins);
void (*api_ready)(void);

static const char callback_key; /* its address is the registry key */

static struct service *self_of(lua_State *L)
{
	return vm_of(L)->service;
}

/* ---- addresses ---- */

/* 0 for what is no handle: 1.5 is none of service 1. */
static uint32_t handle_of(lua_Number number)
{
	int64_t whole = (int64_t)number;
	return (lua_Number)whole == number ? (uint32_t)whole : 0;
}

/* Names keep their dot off; ":0000000a" and ":a" are handles in hexadecimal. "10" is the handle 10, as in skynet: so it
 * arrives when it was an argument of skynet.newservice. No global name may be a number. */
static uint32_t resolve(lua_State *L, int index)
{
	const char *address = lua_tostring(L, index);
	if (address[0] == ':')
		return (uint32_t)strtoul(address + 1, NULL, 16);
	if (address[0] == '.')
		return name_find(address + 1);
	return lua_isnumber(L, index) ? handle_of(lua_tonumber(L, index)) : name_find(address);
}

uint32_t api_check_address(lua_State *L, int index)
{
	switch (lua_type(L, index)) {
	case LUA_TNUMBER: {
		uint32_t handle = handle_of(lua_tonumber(L, index));
		if (handle == 0)
			luaL_error(L, "Invalid service address 0");
		return handle;
	}
	case LUA_TSTRING:
		return resolve(L, index);
	default:
		luaL_error(L, "dest address type (%s) must be a string or number.",
			   luaL_typename(L, index));
		return 0;
	}
}

/* ---- sessions and messages ---- */

static int core_genid(lua_State *L)
{
	lua_pushinteger(L, service_new_session(self_of(L)));
	return 1;
}

/* (delay in ns) -> session */
static int core_timeout(lua_State *L)
{
	struct service *s = self_of(L);
	lua_Number delay_ns = luaL_checknumber(L, 1);
	int32_t session = service_new_session(s);
	if (delay_ns <= 0)
		sched_post(0, service_handle(s), MESSAGE_RESPONSE, session, NULL, 0);
	else if (delay_ns < 9e18)
		timer_add(clock_mono_ns() + (int64_t)delay_ns, service_handle(s), session);
	else
		return luaL_error(L, "the timer is too far away");
	lua_pushinteger(L, session);
	return 1;
}

/* (session of a timeout) -> whether it will not come any more. false: its message is in the mailbox, or came. */
static int core_cancel(lua_State *L)
{
	uint32_t self = service_handle(self_of(L));
	lua_pushboolean(L, timer_cancel(self, (int32_t)luaL_checkinteger(L, 1)));
	return 1;
}

/* (source, session): nobody will answer this request, and that is intended. */
static int core_forget(lua_State *L)
{
	requests_forget(&self_of(L)->open, (uint32_t)(int64_t)luaL_checknumber(L, 1),
			(int32_t)luaL_checkinteger(L, 2));
	return 0;
}

/* (function [, forward]): who gets the messages; with `forward` it also owns their payloads. */
static int core_callback(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TFUNCTION);
	vm_of(L)->forward = lua_toboolean(L, 2);
	lua_settop(L, 1);
	lua_pushlightuserdata(L, (void *)(uintptr_t)&callback_key);
	lua_insert(L, 1);
	lua_rawset(L, LUA_REGISTRYINDEX);
	return 0;
}

void api_push_callback(lua_State *L)
{
	lua_pushlightuserdata(L, (void *)(uintptr_t)&callback_key);
	lua_rawget(L, LUA_REGISTRYINDEX);
}

/* ---- services and names ---- */

static int core_self(lua_State *L)
{
	lua_pushinteger(L, service_handle(self_of(L)));
	return 1;
}

static int core_query(lua_State *L)
{
	luaL_checkstring(L, 1);
	uint32_t handle = resolve(L, 1);
	if (handle == 0)
		return 0;
	lua_pushinteger(L, handle);
	return 1;
}

static int core_register(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	uint32_t handle =
		lua_isnoneornil(L, 2) ? service_handle(self_of(L)) : api_check_address(L, 2);
	bool taken = name_register(name[0] == '.' ? name + 1 : name, handle);
	/* The one we named may have ended meanwhile, and has then dropped its names before this one. */
	struct service *named = service_grab(handle);
	if (named)
		service_release(named);
	else
		name_drop(handle);
	lua_pushboolean(L, taken);
	return 1;
}

static int core_launch(lua_State *L)
{
	const char *error = "services cannot be launched now";
	size_t size_bytes;
	const char *line = luaL_checklstring(L, 1, &size_bytes);
	uint32_t handle = 0;
	if (strlen(line) != size_bytes)
		error = "a zero byte in the name or an argument of a service";
	else if (api_launch)
		handle = api_launch(line, service_handle(self_of(L)), &error);
	if (handle == 0) {
		lua_pushnil(L);
		lua_pushstring(L, error);
		return 2;
	}
	lua_pushinteger(L, handle);
	return 1;
}

static int core_reserve(lua_State *L)
{
	handle_skip_to((uint32_t)luaL_checkinteger(L, 1));
	return 0;
}

static int core_exit(lua_State *L)
{
	struct service *s = self_of(L);
	if (log_wants(LOG_LEVEL_INFO))
		say_printf(service_handle(s), "KILL self");
	sched_doom(s);
	return 0;
}

static int core_kill(lua_State *L)
{
	uint32_t handle = api_check_address(L, 1);
	struct service *target = handle ? service_grab(handle) : NULL;
	bool killed = false;
	if (target) {
		if (log_wants(LOG_LEVEL_INFO))
			say_printf(service_handle(self_of(L)), "KILL :%x", handle);
		killed = sched_doom(target);
		service_release(target);
	}
	lua_pushboolean(L, killed);
	return 1;
}

/* (bytes): the limit of this VM's memory from now on; beyond it allocations fail */
static int core_memlimit(lua_State *L)
{
	struct vm *vm = vm_of(L);
	lua_Number bytes = luaL_checknumber(L, 1);
	luaL_argcheck(L, bytes >= 0 && bytes < 1e15, 1, "a number of bytes expected");
	vm->memlimit_bytes = (size_t)bytes;
	heap_set_limit_bytes(vm->heap, vm->memlimit_bytes);
	say_printf(service_handle(vm->service), "Set memory limit to %.2f M", bytes / (1 << 20));
	return 0;
}

/* (count, full): tasks that were begun and have not ended, for the watchdog; and whether there may not be more, so that new
 * messages stay in the mailbox */
static int core_tasks(lua_State *L)
{
	struct service *s = self_of(L);
	store_relaxed(&s->tasks, (int64_t)luaL_checknumber(L, 1));
	mailbox_shut(&s->mailbox, lua_toboolean(L, 2));
	return 0;
}

/* ([limit of tasks, 0: none], for displays) -> the limit before; at first that of the config */
static int core_maxtasks(lua_State *L)
{
	struct service *s = self_of(L);
	lua_pushnumber(L, (lua_Number)load_relaxed(&s->max_tasks));
	if (!lua_isnoneornil(L, 1))
		store_relaxed(&s->max_tasks, (int64_t)luaL_checknumber(L, 1));
	return 1;
}

static int core_abort(lua_State *L)
{
	if (api_abort)
		api_abort((int)luaL_optinteger(L, 1, 0));
	return 0;
}

/* From bootstrap: all services that the config asks for are there. */
static int core_ready(lua_State *L)
{
	(void)L;
	if (api_ready)
		api_ready();
	return 0;
}

static int core_stopping(lua_State *L)
{
	if (api_stopping)
		api_stopping(service_handle(self_of(L)), lua_isnone(L, 1) || lua_toboolean(L, 1));
	return 0;
}

static int core_stopped(lua_State *L)
{
	if (api_stopping)
		api_stopping(service_handle(self_of(L)), false);
	return 0;
}

/* ---- environment, log, time ---- */

static int core_getenv(lua_State *L)
{
	/* NULL gives nil, not nothing: tonumber() and tostring() of nothing raise. */
	lua_pushstring(L, env_get(luaL_checkstring(L, 1)));
	return 1;
}

static int core_setenv(lua_State *L)
{
	const char *key = luaL_checkstring(L, 1);
	if (!env_set(key, luaL_checkstring(L, 2)))
		return luaL_error(L, "Can't setenv exist key : %s", key);
	return 0;
}

static int64_t start_mono_ns, start_wall_ns;

__attribute__((constructor)) static void note_start(void)
{
	start_mono_ns = clock_mono_ns();
	start_wall_ns = clock_wall_ns();
}

static int core_now(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)((clock_mono_ns() - start_mono_ns) / NS_PER_CS));
	return 1;
}

static int core_hpc(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)clock_mono_ns());
	return 1;
}

static int core_starttime(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)(start_wall_ns / NS_PER_S));
	return 1;
}

/* ---- registering ---- */

static const luaL_Reg functions[] = {
	{"genid", core_genid},
	{"timeout", core_timeout},
	{"blocking", blocking_call},
	{"forget", core_forget},
	{"callback", core_callback},
	{"self", core_self},
	{"query", core_query},
	{"register", core_register},
	{"launch", core_launch},
	{"reserve", core_reserve},
	{"exit", core_exit},
	{"kill", core_kill},
	{"abort", core_abort},
	{"ready", core_ready},
	{"stopping", core_stopping},
	{"stopped", core_stopped},
	{"getenv", core_getenv},
	{"setenv", core_setenv},
	{"now", core_now},
	{"tasks", core_tasks},
	{"hpc", core_hpc},
	{"starttime", core_starttime},
	{"pack", seri_pack},
	{"packstring", seri_packstring},
	{"unpack", seri_unpack},
	{"unpack_counted", seri_unpack_counted},
	{"tostring", seri_tostring},
	{"trash", seri_trash},
	{"cancel", core_cancel},
	{"memlimit", core_memlimit},
	{"maxtasks", core_maxtasks},
	{NULL, NULL},
};

static const struct {
	const char *name;
	enum message_type type;
} types[] = {
	{"PTYPE_TEXT", MESSAGE_TEXT},
	{"PTYPE_RESPONSE", MESSAGE_RESPONSE},
	{"PTYPE_MULTICAST", MESSAGE_MULTICAST},
	{"PTYPE_CLIENT", MESSAGE_CLIENT},
	{"PTYPE_SYSTEM", MESSAGE_SYSTEM},
	{"PTYPE_HARBOR", MESSAGE_HARBOR},
	{"PTYPE_SOCKET", MESSAGE_SOCKET},
	{"PTYPE_ERROR", MESSAGE_ERROR},
	{"PTYPE_QUEUE", MESSAGE_QUEUE},
	{"PTYPE_DEBUG", MESSAGE_DEBUG},
	{"PTYPE_LUA", MESSAGE_LUA},
	{"PTYPE_SNAX", MESSAGE_SNAX},
	{"PTYPE_TRACE", MESSAGE_TRACE},
};

static bool push_from(lua_State *L, const luaL_Reg *list, const char *name)
{
	while (list->name && strcmp(list->name, name) != 0)
		list++;
	if (list->name)
		lua_pushcfunction(L, list->func);
	return list->name != NULL;
}

static bool push_type(lua_State *L, const char *name)
{
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		if (strcmp(types[i].name, name) == 0) {
			lua_pushinteger(L, types[i].type);
			return true;
		}
	}
	return false;
}

/* (core, name) -> what is there under this name, made when it is asked for the first time: no service uses half of
 * it, and each would have an object and a key for each function. */
static int core_index(lua_State *L)
{
	if (lua_type(L, 2) != LUA_TSTRING)
		return 0;
	lua_settop(L, 2);
	const char *name = lua_tostring(L, 2);
	if (!push_from(L, functions, name) && !push_from(L, figures_functions(), name) &&
	    !push_from(L, schedapi_functions(), name) && !push_from(L, sendapi_functions(), name) &&
	    !push_from(L, say_functions(), name) && !push_from(L, patience_functions(), name))
		return push_type(L, name);
	lua_pushvalue(L, 2);
	lua_pushvalue(L, 3);
	lua_rawset(L, 1);
	return 1;
}

int api_open_core(lua_State *L)
{
	if (made_push(L, "skynet.core"))
		return 1;
	lua_newtable(L);
	lua_createtable(L, 0, 1);
	lua_pushcfunction(L, core_index);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
	return 1;
}
