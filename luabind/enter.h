/* SPDX-License-Identifier: MIT
 *
 * The doors into the VM: the only frames of ours that lie on a stack between the mark and LuaJIT's own while
 * a service is parked. Nothing else may be called from here, so they stand apart, are PARKABLE, and are
 * compiled without sanitizers.
 */
#ifndef LUABIND_ENTER_H
#define LUABIND_ENTER_H

#include "core/base.h"
#include <lua.h>

struct vm_call {
	lua_State *L;
	int arguments, results, handler, status;
};

/* lua_pcall with a struct vm_call. For stack_call_marked. */
void enter_call(void *call);
/* lua_close with a lua_State. For stack_call_marked. */
void enter_close(void *L);

#endif
