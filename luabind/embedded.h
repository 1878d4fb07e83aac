/* SPDX-License-Identifier: MIT
 *
 * The Lua sources that ship inside the executable. The table is written by luabind/embed.py while
 * building: it is sorted by kind and name and never changes, so any thread may read it.
 */
#ifndef LUABIND_EMBEDDED_H
#define LUABIND_EMBEDDED_H

#include "core/base.h"

struct embedded {
	const char *kind;            /* "module", "service", "chunk" or "types" */
	const char *name;            /* as it is asked for: "skynet.manager"; of types the file: "skynet/manager.lua" */
	const char *chunkname;       /* for lua_load: "@luabind/lua/skynet/manager.lua" */
	const unsigned char *source; /* followed by a NUL that size_bytes does not count */
	size_t size_bytes;
};

extern const struct embedded embedded_table[];
extern const size_t embedded_count;

/* The source of that kind and name, NULL when none ships. Any thread. */
const struct embedded *embedded_find(const char *kind, const char *name);

#endif
