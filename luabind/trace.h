/* SPDX-License-Identifier: MIT
 *
 * Which machine code of a VM belongs to which source line. LuaJIT reports every trace it compiles
 * (jit.attach); we keep its address range and where its root trace starts, so that the signal handler can
 * tell from a program counter which loop it interrupted.
 *
 * Written by the VM's thread in a callback from the compiler; read by the signal handler on the same thread,
 * which only looks when the program counter is inside machine code, i.e. never during a write.
 */
#ifndef LUABIND_TRACE_H
#define LUABIND_TRACE_H

#include "core/base.h"
#include <lua.h>

struct vm;

struct trace_range {
	uintptr_t start, end;
	int number;
	char where[96]; /* "./main.lua:12" where the root trace starts */
};

struct trace_map {
	struct trace_range *range;
	int count, room;
	uint64_t compiled; /* traces so far, also flushed ones */
	/* The trace being recorded. */
	int recording, parent;
	char where[96];
};

/* Asks the VM to report to its map, and to mcode.h. Inside a protected call. */
void trace_attach(lua_State *L);
void trace_term(struct trace_map *map);
/* The range that holds `pc`, NULL if unknown. Async-signal-safe on the VM's thread. */
const struct trace_range *trace_find(const struct trace_map *map, uintptr_t pc);
/* Bytes of machine code that are known. */
size_t trace_code_bytes(const struct trace_map *map);

#endif
