/* SPDX-License-Identifier: MIT
 *
 * Room for machine code. LuaJIT puts it into areas that must lie within about 1 GB of its library on either side, so
 * all VMs of the process share one room, with whatever else is mapped there. Two limits, which LuaJIT reports by the same
 * number and answers by throwing away all machine code of that VM:
 *
 *   - The VM has reached its own (maxmcode). That is meant to happen: it compiles anew what is hot now. Counted,
 *     and said once for each service.
 *   - The room is short: an area found no place. Each attempt costs milliseconds (up to seconds in a full address
 *     space, with the kernel's lock on it held), LuaJIT would try again at the next hot loop, and would never
 *     say a word. So the compiler is switched off in that VM, which is said, until the room is not short any more.
 *
 * A VM starts with a small area, since many need no more; the next ones have LuaJIT's usual size.
 */
#ifndef LUABIND_MCODE_H
#define LUABIND_MCODE_H

#include "core/base.h"
#include <lua.h>

struct vm;

/* In struct vm; the VM's thread only. */
struct mcode {
	size_t limit_bytes; /* maxmcode; 0: LuaJIT's own default */
	size_t area_bytes;  /* of the next area */
	int set_sizes;      /* jit.opt.start, in the registry */
	int failures;       /* areas that found no place since the compiler was switched on */
	bool is_small;      /* the next area is a small one */
	bool is_capped;     /* may not grow, for want of room */
	bool has_filled;    /* has reached its limit, which was said */
};

/* Finds out by which numbers this LuaJIT reports what we ask it for. Main thread, before the first VM. */
void mcode_init(void);

/* Gives the VM its limits, or switches its compiler off. Inside a protected call. */
void mcode_open(lua_State *L, struct vm *vm);
/* The VM begins to record a trace, has compiled it, threw all away, gave one up for the reason of that number. In
 * LuaJIT's callback. */
void mcode_starting(lua_State *L, struct vm *vm);
void mcode_compiled(lua_State *L, struct vm *vm);
void mcode_flushed(lua_State *L, struct vm *vm);
void mcode_aborted(lua_State *L, struct vm *vm, int reason);
/* Between two messages of a VM that `is_short` (vm.h): compiles again if there is room again. */
void mcode_look_again(lua_State *L, struct vm *vm);

/* How often an area found no place, in the whole process. Any thread. */
uint64_t mcode_failures(void);

#endif
