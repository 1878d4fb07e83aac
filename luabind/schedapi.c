/* SPDX-License-Identifier: MIT
 *
 * What Lua may change of the scheduling: the settings of a service, interrupting one, and reading the config file
 * again; and what the launcher needs for restarts. The Lua side is luabind/lua/skynet/sched.lua.
 */
#include "core/units.h"
#include "luabind/api.h"
#include "luabind/interrupt.h"
#include "luabind/luabind.h"
#include "luabind/vm.h"
#include "sched/sched.h"

#include <lauxlib.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

void (*api_preset)(enum settings_class class, struct settings *out);
const char *(*api_reload)(uint32_t asker, int32_t session);
void (*api_say_restart)(const char *name, uint32_t handle, const char *text, bool is_error);

enum { SET_SLICE = 1, SET_WEIGHT = 2, SET_CLASS = 4, SET_CREDIT = 8, SET_GROUP = 16 };

/* What a call wants changed. */
struct change {
	unsigned set;
	struct settings to; /* what `set` names */
};

/* Position and text of a mistake in the table. The level is that of whoever called skynet.sched.set, which
 * has tail-called us. */
static int refuse(lua_State *L, const char *key, const char *text)
{
	return luaL_error(L, "bad setting %s: %s", key, text);
}

/* The value at the top as people should see it, cut. */
static const char *shown(lua_State *L, char *text, size_t size)
{
	int type = lua_type(L, -1);
	if (type == LUA_TNUMBER)
		snprintf(text, size, "%.14g", lua_tonumber(L, -1));
	else if (type == LUA_TSTRING)
		snprintf(text, size, "\"%.40s\"", lua_tostring(L, -1));
	else
		snprintf(text, size, "a %s", lua_typename(L, type));
	return text;
}

/* "500us", or a number of seconds, at the top. */
static int64_t check_time(lua_State *L, const char *key, int64_t minimum_ns, int64_t maximum_ns)
{
	char low[UNITS_TEXT_BYTES], high[UNITS_TEXT_BYTES], value[64], text[256];
	int64_t ns = -1;
	bool is_time = lua_type(L, -1) == LUA_TNUMBER;
	if (is_time) {
		/* Not a number fails both comparisons. */
		double s = lua_tonumber(L, -1);
		ns = s >= 0 && s < 1e9 ? (int64_t)(s * 1e9 + 0.5) : -1;
	} else if (lua_type(L, -1) == LUA_TSTRING) {
		is_time = units_parse_time(lua_tostring(L, -1), &ns);
	}
	if (is_time && ns >= minimum_ns && ns <= maximum_ns)
		return ns;
	units_format_time(minimum_ns, low);
	units_format_time(maximum_ns, high);
	snprintf(text, sizeof(text),
		 is_time ? "%s is out of range (allowed %s..%s)"
			 : "%s is not a time (write \"500us\", \"2ms\" or seconds as a number; "
			   "allowed %s..%s)",
		 shown(L, value, sizeof(value)), low, high);
	return refuse(L, key, text);
}

static int32_t check_weight(lua_State *L, const char *key)
{
	char value[64], text[256];
	double n = lua_tonumber(L, -1);
	bool whole =
		lua_type(L, -1) == LUA_TNUMBER && n >= -1e9 && n <= 1e9 && n == (double)(int32_t)n;
	if (whole && n >= SETTINGS_WEIGHT_MIN && n <= SETTINGS_WEIGHT_MAX)
		return (int32_t)n;
	snprintf(text, sizeof(text), "%s is %s (allowed %d..%d)", shown(L, value, sizeof(value)),
		 whole ? "out of range" : "not a whole number in the range", SETTINGS_WEIGHT_MIN,
		 SETTINGS_WEIGHT_MAX);
	return refuse(L, key, text);
}

static enum settings_class check_class(lua_State *L, const char *key)
{
	char value[64], text[256];
	enum settings_class class = CLASS_NORMAL;
	if (lua_type(L, -1) == LUA_TSTRING && settings_class_of(lua_tostring(L, -1), &class))
		return class;
	snprintf(text, sizeof(text),
		 "%s is no class (allowed: \"interactive\", \"normal\", \"batch\")",
		 shown(L, value, sizeof(value)));
	refuse(L, key, text);
	return class;
}

static bool check_flag(lua_State *L, const char *key)
{
	char value[64], text[256];
	if (lua_type(L, -1) == LUA_TBOOLEAN)
		return lua_toboolean(L, -1);
	snprintf(text, sizeof(text), "%s is not true or false", shown(L, value, sizeof(value)));
	return refuse(L, key, text);
}

/* One entry of the table, its value at the top. Raises for what is wrong. */
static void read_entry(lua_State *L, const char *key, struct change *c)
{
	if (strcmp(key, "slice") == 0) {
		c->to.slice_ns = check_time(L, key, SETTINGS_SLICE_MIN_NS, SETTINGS_SLICE_MAX_NS);
		c->set |= SET_SLICE;
	} else if (strcmp(key, "credit") == 0) {
		c->to.credit_ns =
			check_time(L, key, SETTINGS_CREDIT_MIN_NS, SETTINGS_CREDIT_MAX_NS);
		c->set |= SET_CREDIT;
	} else if (strcmp(key, "weight") == 0) {
		c->to.weight = check_weight(L, key);
		c->set |= SET_WEIGHT;
	} else if (strcmp(key, "class") == 0) {
		c->to.class = check_class(L, key);
		c->set |= SET_CLASS;
	} else if (strcmp(key, "group") == 0) {
		c->to.group = check_flag(L, key);
		c->set |= SET_GROUP;
	} else {
		luaL_error(L, "unknown setting %s (allowed: slice, weight, class, credit, group)",
			   key);
	}
}

static void read_table(lua_State *L, int index, struct change *c)
{
	*c = (struct change){0};
	if (lua_type(L, index) != LUA_TTABLE)
		luaL_error(
			L,
			"settings are a table { slice=, weight=, class=, credit=, group= }, not %s",
			luaL_typename(L, index));
	lua_pushnil(L);
	while (lua_next(L, index)) {
		char number[64];
		/* Only strings: lua_tostring would turn a number into one under lua_next's feet. */
		bool named = lua_type(L, -2) == LUA_TSTRING;
		if (!named)
			snprintf(number, sizeof(number), "[%s]", luaL_typename(L, -2));
		read_entry(L, named ? lua_tostring(L, -2) : number, c);
		lua_pop(L, 1);
	}
}

static void preset(enum settings_class class, struct settings *out)
{
	if (api_preset)
		api_preset(class, out);
	else
		*out = settings_preset[class];
}

/* Guards reading the settings, changing some and writing them back: two callers may change different ones. */
static pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER;

static void apply(struct service *s, const struct change *c)
{
	struct settings now;
	pthread_mutex_lock(&changing);
	sched_settings_of(s, &now);
	if (c->set & SET_CLASS) {
		bool group = now.group;
		preset(c->to.class, &now);
		now.group = group;
	}
	if (c->set & SET_SLICE)
		now.slice_ns = c->to.slice_ns;
	if (c->set & SET_WEIGHT)
		now.weight = c->to.weight;
	if (c->set & SET_CREDIT)
		now.credit_ns = c->to.credit_ns;
	if (c->set & SET_GROUP)
		now.group = c->to.group;
	sched_change(s, &now);
	pthread_mutex_unlock(&changing);
}

/* Pushes false and why: there is no such service. `address` is the argument at 1. */
static int nobody(lua_State *L, uint32_t handle)
{
	char text[96];
	lua_pushboolean(L, false);
	if (lua_type(L, 1) == LUA_TNUMBER)
		snprintf(text, sizeof(text), "no service lives at :%08x", handle);
	else
		snprintf(text, sizeof(text), "no service lives at %.60s", lua_tostring(L, 1));
	lua_pushstring(L, text);
	return 2;
}

/* (address|nil, settings) -> true, or false and why: there is no such service. The table is read to its end
 * before anything is changed. */
static int core_setsched(lua_State *L)
{
	struct change c;
	lua_settop(L, 2);
	uint32_t handle =
		lua_isnil(L, 1) ? service_handle(vm_of(L)->service) : api_check_address(L, 1);
	read_table(L, 2, &c);
	struct service *s = handle ? service_grab(handle) : NULL;
	if (s == NULL)
		return nobody(L, handle);
	apply(s, &c);
	service_release(s);
	lua_pushboolean(L, true);
	return 1;
}

/* (address) -> true: the monitor will see to it; or false and why */
static int core_interrupt(lua_State *L)
{
	uint32_t self = service_handle(vm_of(L)->service), handle = api_check_address(L, 1);
	if (handle == self)
		return luaL_error(L, "a service cannot interrupt itself: raise an error instead");
	struct service *s = handle ? service_grab(handle) : NULL;
	if (s == NULL)
		return nobody(L, handle);
	bool busy = sched_interrupt(s, self);
	service_release(s);
	lua_pushboolean(L, busy);
	if (busy)
		return 1;
	lua_pushliteral(L, "it handles no message now");
	return 2;
}

/* (name, handle, text, is an error): a line about a restart, in the format of alerts */
static int core_say_restart(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1), *text = luaL_checkstring(L, 3);
	uint32_t handle = (uint32_t)luaL_checknumber(L, 2);
	bool is_error = lua_toboolean(L, 4);
	if (api_say_restart)
		api_say_restart(name, handle, text, is_error);
	return 0;
}

/* (error|nil) -> text and traceback of the interrupt that came as this error, or is on its way; nothing: there is
 * none */
static int core_raised(lua_State *L)
{
	const char *traceback, *text = NULL;
	if (lua_isnoneornil(L, 1) || lua_isstring(L, 1))
		text = hook_raised_for(vm_of(L), lua_tostring(L, 1), &traceback);
	if (text == NULL)
		return 0;
	lua_pushstring(L, text);
	lua_pushstring(L, traceback);
	return 2;
}

/* (handle, count): how often the service was started again, for displays */
static int core_restarts(lua_State *L)
{
	struct service *s = service_grab((uint32_t)luaL_checknumber(L, 1));
	int count = luaL_checkint(L, 2);
	if (s) {
		store_relaxed(&s->restarts, (uint32_t)count);
		service_release(s);
	}
	return 0;
}

/* () -> the session of the answer, or nothing and why */
static int core_reload(lua_State *L)
{
	struct service *s = vm_of(L)->service;
	int32_t session = service_new_session(s);
	const char *why =
		api_reload ? api_reload(service_handle(s), session) : "there is no config file";
	if (why) {
		lua_pushnil(L);
		lua_pushstring(L, why);
		return 2;
	}
	lua_pushinteger(L, session);
	return 1;
}

const luaL_Reg *schedapi_functions(void)
{
	static const luaL_Reg functions[] = {
		{"setsched", core_setsched},
		{"reload", core_reload},
		{"interrupt", core_interrupt},
		{"restarts", core_restarts},
		{"say_restart", core_say_restart},
		{"raised", core_raised},
		{NULL, NULL},
	};
	return functions;
}
