/* SPDX-License-Identifier: MIT
 *
 * Lua 5.3 and 5.4 syntax turned into LuaJIT's. The source is parsed with the whole grammar, and only what LuaJIT
 * does not know is edited in place: the result has the same lines, and a source without such syntax is left as it
 * is. What the edited text calls stands in lua/lua54.lua; README.md has the semantics.
 */
#ifndef LUABIND_LUA54_H
#define LUABIND_LUA54_H

#include "core/base.h"
#include <lua.h>

enum lua54_outcome {
	LUA54_UNCHANGED, /* compile the source itself (it may have errors, which LuaJIT then reports) */
	LUA54_TRANSLATED, /* compile `text`; with `wrapped` it gives a function to be called with the helpers,
	                     which returns the chunk */
	LUA54_ERROR, /* `text` is the message, of `line` */
};

struct lua54_result {
	enum lua54_outcome outcome;
	bool wrapped;
	char *text; /* NULL when unchanged; from mem_alloc, the caller frees it */
	size_t size_bytes;
	int line;       /* of the first edit, or of the error */
	char first[16]; /* the token there that LuaJIT does not know: "//" */
};

/* Never fails in another way. Uses at most some 64 KB of C stack. Any thread. */
void lua54_translate(const char *source, size_t size_bytes, struct lua54_result *out);

/* (source) -> text, wrapped, line, first; or nil, message, line. The text is the source itself when nothing is
 * edited, and line and first are nil then. Raises when memory is short. Thread that runs the VM only. */
int lua54_for_lua(lua_State *L);

#endif
