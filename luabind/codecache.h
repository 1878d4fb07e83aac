/* SPDX-License-Identifier: MIT
 *
 * Compiled chunks, kept for the whole process as bytecode, so that of ten thousand services that load one file
 * only the first compiles it. Bytecode keeps its line numbers and names, so tracebacks stay as they are.
 *
 * As in skynet a file that was loaded once is not looked at again before codecache_clear: services that start
 * during an update of the files all run the old ones. After a clear the next load of each file compares its
 * time and size, and compiles it again only when they differ.
 */
#ifndef LUABIND_CODECACHE_H
#define LUABIND_CODECACHE_H

#include "core/base.h"
#include "luabind/embedded.h"
#include <lua.h>

/* How a VM uses the cache: not at all; what is there; and adding what is not (the default). */
enum codecache_mode { CODECACHE_OFF, CODECACHE_EXIST, CODECACHE_ON };

/* Pushes the chunk of a file and returns 0, or pushes an error message and returns lua_load's status, as
 * luaL_loadfile does. Inside a protected call, in the VM's thread; takes a mutex, may read the file. */
int codecache_load_file(lua_State *L, const char *path, enum codecache_mode mode);
/* The same for a source that ships; it cannot change. */
int codecache_load_embedded(lua_State *L, const struct embedded *e);
/* Would loading the file not look at it? It was loaded, and nothing was cleared since. Any thread. */
bool codecache_has_file(const char *path);

/* From now on files that have changed are compiled anew. Any thread. */
void codecache_clear(void);
/* How often that was said. Any thread. */
uint64_t codecache_clears(void);

/* Chunks held, and their bytes. Any thread. */
struct codecache_figures {
	size_t chunks, bytes;
	uint64_t hits, misses;
};
void codecache_figures(struct codecache_figures *out);

/* Registers the module `skynet.codecache` and a `loadfile` that uses the cache. Inside a protected call. */
void codecache_open(lua_State *L);

#endif
