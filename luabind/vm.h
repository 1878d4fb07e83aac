/* SPDX-License-Identifier: MIT
 *
 * One Lua VM as a service's body. The thread that runs the service owns it; while the service is parked
 * nobody may touch the VM, and the only thing that may be done with it then is to end it (see vm.c).
 */
#ifndef LUABIND_VM_H
#define LUABIND_VM_H

#include "luabind/heap.h"
#include "luabind/luabind.h"
#include "luabind/mcode.h"
#include "luabind/rawtable.h"
#include "luabind/trace.h"
#include "sched/service.h"
#include <lua.h>

struct vm {
	lua_State *_Atomic
		L; /* the main state; NULL before the first message and once closing began */
	struct heap *heap;
	struct service *service;
	struct message *message; /* being handled */
	bool started;            /* the first message (the launch line) was handled */
	bool has_callback;
	bool forward; /* the callback owns the payloads (skynet.forward_type) */
	bool is_cast; /* a copy of the mould, not made from nothing: mould.h */
	bool jit;
	bool lua54;
	bool debug_pairs;
	bool is_short; /* its compiler is switched off for want of room: mcode.h */
	/* The message in whose handler hook_raise is to raise an error; 0: none. Set by the signal handler. */
	_Atomic uint64_t raise_number;
	struct raised *raised; /* it has done so: hook.c */
	rawvalue beside; /* the light userdata of this struct: arguments.h */
	/* Until here: what each message looks at, in one cache line. */
	uint64_t search_clears; /* codecache_clears() when `require` began its last search */
	size_t memlimit_bytes; /* of the heap, from the main chunk on */
	/* The user's own debug hook, put aside while ours is armed. */
	lua_Hook user_hook;
	int user_hook_mask, user_hook_count;
	/* The call of a C function that was met last, by the frame of its caller, and in which message: callsite.c. */
	uintptr_t met_call;
	uint64_t met_message;
	/* The hook that was there before coroutine.close set its own, and how many closes are under way. */
	lua_Hook hook_before_close;
	int hook_before_mask, hook_before_count, closing;
	struct lease *leases; /* what it holds outside of the heap: lease.h */
	struct trace_map traces;
	struct mcode mcode;
};

/* The VM of the running service, from inside of one of its C functions; NULL while it is made. */
struct vm *vm_of(lua_State *L);
/* Makes it the one. Inside a protected call. */
void vm_register(lua_State *L, struct vm *vm);

/* Pushes a function that adds the traceback to an error message, for lua_pcall. */
void vm_push_traceback(lua_State *L);

extern const struct service_body vm_body;

#endif
