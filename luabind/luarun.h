/* SPDX-License-Identifier: MIT
 *
 * The run of one config file in its LuaJIT state: what luafile.c, luarun.c and luatree.c share.
 * Nobody else includes this.
 */
#ifndef LUABIND_LUARUN_H
#define LUABIND_LUARUN_H

#include "luabind/luafile.h"
#include "luabind/luakeys.h"
#include "luabind/luasource.h"

#include <lua.h>

#define LUARUN_UNITS_MAX   256 /* texts: the file and all that it includes */
#define LUARUN_NESTING_MAX 16  /* of includes, and of tables */

/* One text: the config file or an include. */
struct luarun_unit {
	const char *path;
	struct luasource source;
	int from; /* the unit that includes it, -1: none */
	int nesting;
};

struct luarun_place {
	int unit;
	int line; /* of the replaced text; 0: unknown */
};

/* Owned by the thread that loads the file; ends with it. */
struct luarun {
	struct luafile *file;
	struct luakeys *keys;
	struct luarun_unit units[LUARUN_UNITS_MAX];
	int unit_count;
	int current;
	size_t memory_bytes;
	long instructions;
	int64_t cpu_end_ns;
	size_t values;
};

struct luarun *luarun_new(const char *name);
/* Unit 0 has been read; `wrong` says how that went. Evaluates it and frees the run. */
struct luafile *luarun_end(struct luarun *run, const char *wrong);

/* The line of the file, 0 when it is unknown. */
int luarun_line(const struct luarun *run, struct luarun_place p);
/* Records an error; the run goes on. */
void luarun_fail(struct luarun *run, struct luarun_place p, const char *text);
/* Ends the run after an error was recorded. Inside of lua_cpcall only. */
NORETURN void luarun_throw(lua_State *L);
/* Where a global was last assigned. */
struct luarun_place luarun_assigned_at(lua_State *L, const char *key);

#endif
