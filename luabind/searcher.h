/* SPDX-License-Identifier: MIT
 *
 * Where `require` looks, in this order: package.preload, the files of lua_path, the libraries of lua_cpath
 * (LuaJIT's own searchers), what ships, what the system has installed for this Lua, and last why it is
 * nowhere. The user's files come before ours, so that anything that ships can be replaced.
 */
#ifndef LUABIND_SEARCHER_H
#define LUABIND_SEARCHER_H

#include <lua.h>

/* Sets package.loaders of a new VM. Inside a protected call. */
void searcher_open(lua_State *L);
/* Sets package.path and cpath as the config has them, after searcher_open. Inside a protected call. */
void searcher_set_paths(lua_State *L);

/* (name) -> the module that ships under this name as a function, nil when there is none. Lua's view of
 * searcher_push_shipped. */
int searcher_module(lua_State *L);
/* (name) -> the service that ships under this name as a function, or nil */
int searcher_service(lua_State *L);
/* (path) -> true, or nil and why the file cannot be read: without io.open, which would open the library io in each VM */
int searcher_readable(lua_State *L);
/* (path) -> the chunk of a file by the global loadfile, or nil and a message that says what to do */
int searcher_load_file(lua_State *L);

/* Pushes a chunk of the runtime's own, out of reach of require. Inside a protected call; raises. */
void searcher_push_chunk(lua_State *L, const char *name);

#endif
