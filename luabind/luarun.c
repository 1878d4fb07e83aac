/* SPDX-License-Identifier: MIT
 *
 * The file's globals live in a store behind an environment table that stays empty, so that every
 * assignment passes `on_assign`, which notes the line that is running; luakeys knows the tokens.
 * Both together give each key its line.
 *
 * Errors that we find ourselves are recorded with their place and then thrown as `false`; a string
 * that arrives at the top is LuaJIT's own. Each text is compiled under its number ("=0", "=1")
 * instead of its path, since LuaJIT shortens long paths in messages, and a number is easily made a
 * path again.
 */
#include "luabind/luarun.h"

#include "core/clock.h"
#include "core/mem.h"
#include "luabind/luatree.h"

#include <lauxlib.h>
#include <limits.h>
#include <luajit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_BYTES_MAX (16 * 1024 * 1024)
/* Either one ends an endless loop. Counting alone would let few slow instructions (long strings)
 * run on for minutes; CPU time alone would make the limit depend on the machine. */
#define INSTRUCTIONS_MAX (5 * 1000 * 1000)
#define CPU_NS_MAX       (NS_PER_S / 2)
#define HOOK_EVERY       1000

#define LINES_MAX 10000000 /* encodes a unit and a line in one Lua number */

/* Where the store and the lines of its keys stand in the registry: by the addresses of these. */
static const char store_key, lines_key;

int luarun_line(const struct luarun *run, struct luarun_place p)
{
	return p.line > 0 ? luasource_line(&run->units[p.unit].source, p.line) : 0;
}

static const char *place_text(struct luarun *run, struct luarun_place p)
{
	const char *path = run->units[p.unit].path;
	int line = luarun_line(run, p);
	if (line <= 0)
		return luafile_format(run->file, "%s:", path);
	return luafile_format(run->file, "%s:%d:", path, line);
}

void luarun_fail(struct luarun *run, struct luarun_place p, const char *text)
{
	luafile_add_error(run->file, luafile_format(run->file, "%s %s", place_text(run, p), text));
}

/* ---- Lua's side ---- */

static struct luarun *run_of(lua_State *L)
{
	void *run;
	lua_getallocf(L, &run);
	return run;
}

void luarun_throw(lua_State *L)
{
	lua_pushboolean(L, false);
	lua_error(L);
	panic("lua_error returned");
}

static void *allocate(void *context, void *block, size_t old_bytes, size_t bytes)
{
	struct luarun *run = context;
	if (block == NULL)
		old_bytes = 0;
	if (bytes > old_bytes && run->memory_bytes - old_bytes + bytes > MEMORY_BYTES_MAX)
		return NULL;
	run->memory_bytes = run->memory_bytes - old_bytes + bytes;
	if (bytes > 0)
		return mem_realloc(block, bytes);
	mem_free(block);
	return NULL;
}

static struct luarun_place place_of(const struct luarun *run, lua_Debug *ar)
{
	/* After a tail call the caller is C, which has no line. */
	if (ar->source[0] != '=' || ar->currentline <= 0 || strcmp(ar->what, "C") == 0)
		return (struct luarun_place){run->current, 0};
	return (struct luarun_place){(int)strtol(ar->source + 1, NULL, 10), ar->currentline};
}

static struct luarun_place caller_place(lua_State *L)
{
	lua_Debug ar;
	if (!lua_getstack(L, 1, &ar) || !lua_getinfo(L, "Sl", &ar))
		return (struct luarun_place){run_of(L)->current, 0};
	return place_of(run_of(L), &ar);
}

static void on_count(lua_State *L, lua_Debug *ar)
{
	struct luarun *run = run_of(L);
	run->instructions += HOOK_EVERY;
	if (run->instructions < INSTRUCTIONS_MAX && clock_self_cpu_ns() < run->cpu_end_ns)
		return;
	lua_getinfo(L, "Sl", ar);
	luarun_fail(run, place_of(run, ar), "the config file does not come to an end (a loop?)");
	luarun_throw(L);
}

static void push_registry(lua_State *L, const char *key)
{
	lua_pushlightuserdata(L, (void *)(uintptr_t)key);
	lua_rawget(L, LUA_REGISTRYINDEX);
}

/* env.key = value */
static int on_assign(lua_State *L)
{
	struct luarun_place p = caller_place(L);
	push_registry(L, &lines_key);
	lua_pushvalue(L, 2);
	lua_pushnumber(L, (double)p.unit * LINES_MAX + p.line);
	lua_rawset(L, -3);
	push_registry(L, &store_key);
	lua_pushvalue(L, 2);
	lua_pushvalue(L, 3);
	lua_rawset(L, -3);
	return 0;
}

static void missing_variable(const char *name, int line, void *context)
{
	struct luarun *run = context;
	struct luarun_unit *unit = &run->units[run->unit_count];
	luafile_add_error(run->file,
			  luafile_format(run->file,
					 "[equilune config] %s:%d: os.getenv() failed: %s (no such "
					 "variable in the environment)",
					 unit->path, line, name));
}

/* The text just read becomes a unit. Returns what is wrong, "" when that is recorded already. */
static const char *accept_unit(struct luarun *run, struct luarun_place from)
{
	struct luarun_unit *unit = &run->units[run->unit_count];
	unit->from = from.unit;
	unit->nesting = from.unit < 0 ? 0 : run->units[from.unit].nesting + 1;
	if (unit->nesting > LUARUN_NESTING_MAX)
		return "includes are nested too deep";
	for (int i = from.unit; i >= 0 && unit->source.inode != 0; i = run->units[i].from) {
		if (run->units[i].source.inode == unit->source.inode &&
		    run->units[i].source.device == unit->source.device)
			return "the file includes itself";
	}
	if (!luasource_expand(&unit->source, missing_variable, run))
		return "";
	if (unit->source.size_bytes > LUASOURCE_BYTES_MAX)
		return "larger than 1MB with its variables";
	luakeys_scan(run->keys, run->unit_count, unit->source.text, unit->source.size_bytes,
		     from.unit, from.line);
	run->unit_count++;
	return NULL;
}

static void run_unit(lua_State *L, struct luarun *run, int number)
{
	char name[16];
	int outer = run->current;
	const struct luasource *s = &run->units[number].source;
	snprintf(name, sizeof(name), "=%d", number);
	run->current = number;
	luaL_checkstack(L, 8, NULL);
	if (luaL_loadbufferx(L, s->text, s->size_bytes, name, "t") != 0)
		lua_error(L);
	lua_getfield(L, LUA_REGISTRYINDEX, "env");
	lua_setfenv(L, -2);
	lua_call(L, 0, 0);
	run->current = outer;
}

static const char *beside(struct luarun *run, int unit, const char *path)
{
	const char *from = run->units[unit].path, *slash = strrchr(from, '/');
	if (path[0] == '/' || slash == NULL)
		return luafile_text(run->file, path, strlen(path));
	return luafile_format(run->file, "%.*s%s", (int)(slash + 1 - from), from, path);
}

static const char *open_include(struct luarun *run, const char *path, struct luarun_place from)
{
	if (run->unit_count == LUARUN_UNITS_MAX)
		return "too many includes";
	struct luarun_unit *unit = &run->units[run->unit_count];
	unit->path = path;
	if (from.line == 0)
		from.line = INT_MAX; /* unknown: behind all that the includer has said */
	const char *wrong = luasource_read(&unit->source, path, true);
	if (wrong == NULL)
		wrong = accept_unit(run, (struct luarun_place){run->current, from.line});
	if (wrong != NULL)
		luasource_term(&unit->source);
	return wrong;
}

static int include(lua_State *L)
{
	struct luarun *run = run_of(L);
	struct luarun_place p = caller_place(L);
	if (lua_type(L, 1) != LUA_TSTRING) {
		luarun_fail(run, p, "include needs the path of a file, a string");
		luarun_throw(L);
	}
	const char *path = beside(run, run->current, lua_tostring(L, 1));
	const char *wrong = open_include(run, path, p);
	if (wrong != NULL) {
		if (wrong[0] != '\0')
			luarun_fail(run, p,
				    luafile_format(run->file, "include \"%s\": %s", path, wrong));
		luarun_throw(L);
	}
	run_unit(L, run, run->unit_count - 1);
	return 0;
}

/* Makes { __index = store, __newindex = on_assign } the metatable of an empty env, and
 * { __index = { include = ... } } that of the store. */
static void make_environment(lua_State *L)
{
	lua_pushlightuserdata(L, (void *)(uintptr_t)&lines_key);
	lua_newtable(L);
	lua_rawset(L, LUA_REGISTRYINDEX);

	lua_newtable(L);
	lua_newtable(L);
	lua_newtable(L);
	lua_newtable(L);
	lua_newtable(L); /* env, its metatable, store, its metatable, functions */
	lua_pushcfunction(L, include);
	lua_setfield(L, -2, "include");
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
	lua_pushlightuserdata(L, (void *)(uintptr_t)&store_key);
	lua_pushvalue(L, -2);
	lua_rawset(L, LUA_REGISTRYINDEX);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, on_assign);
	lua_setfield(L, -2, "__newindex");
	lua_setmetatable(L, -2);
	lua_setfield(L, LUA_REGISTRYINDEX, "env");
}

struct luarun_place luarun_assigned_at(lua_State *L, const char *key)
{
	push_registry(L, &lines_key);
	lua_getfield(L, -1, key);
	double encoded = lua_tonumber(L, -1);
	lua_pop(L, 2);
	int unit = (int)(encoded / LINES_MAX);
	return (struct luarun_place){unit, (int)(encoded - (double)unit * LINES_MAX)};
}

/* ---- a whole file ---- */

static int evaluate(lua_State *L)
{
	struct luarun *run = run_of(L);
	make_environment(L);
	lua_sethook(L, on_count, LUA_MASKCOUNT, HOOK_EVERY);
	run_unit(L, run, 0);
	lua_sethook(L, NULL, 0, 0);
	luakeys_finish(run->keys);
	push_registry(L, &store_key);
	run->file->root = luatree_convert(L, run);
	return 0;
}

/* LuaJIT's message "3:12: text": its numbers become a path and a line. */
static void translate_error(struct luarun *run, const char *message)
{
	char *colon, *rest;
	long unit = strtol(message, &colon, 10);
	long line = *colon == ':' ? strtol(colon + 1, &rest, 10) : 0;
	if (line <= 0 || line > LINES_MAX || strncmp(rest, ": ", 2) != 0 || unit < 0 ||
	    unit >= run->unit_count)
		luarun_fail(run, (struct luarun_place){run->current, 0}, message);
	else
		luarun_fail(run, (struct luarun_place){(int)unit, (int)line}, rest + 2);
}

static void run_file(struct luarun *run)
{
	lua_State *L = lua_newstate(allocate, run);
	if (L == NULL) {
		luarun_fail(run, (struct luarun_place){0, 0},
			    "LuaJIT gives no state (is it built for GC64?)");
		return;
	}
	luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
	run->cpu_end_ns = clock_self_cpu_ns() + CPU_NS_MAX;
	int status = lua_cpcall(L, evaluate, NULL);
	if (status == LUA_ERRMEM)
		luarun_fail(run, (struct luarun_place){run->current, 0},
			    "needs more than 16MB of memory");
	else if (status != 0 && lua_type(L, -1) == LUA_TSTRING)
		translate_error(run, lua_tostring(L, -1));
	lua_close(L);
}

struct luarun *luarun_new(const char *name)
{
	struct luarun *run = mem_zalloc(sizeof(*run));
	run->file = mem_zalloc(sizeof(*run->file));
	run->keys = luakeys_new();
	run->units[0].path = luafile_text(run->file, name, strlen(name));
	return run;
}

struct luafile *luarun_end(struct luarun *run, const char *wrong)
{
	struct luafile *f = run->file;
	if (wrong != NULL)
		wrong = luafile_format(f, "cannot read the config file: %s", wrong);
	else
		wrong = accept_unit(run, (struct luarun_place){-1, 0});
	if (wrong == NULL)
		run_file(run);
	else if (wrong[0] != '\0')
		luarun_fail(run, (struct luarun_place){0, 0}, wrong);
	luasource_term(&run->units[0].source);
	for (int i = 1; i < run->unit_count; i++)
		luasource_term(&run->units[i].source);
	luakeys_free(run->keys);
	mem_free(run);
	return f;
}
