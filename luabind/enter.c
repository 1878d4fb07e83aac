/* SPDX-License-Identifier: MIT */
#include "luabind/enter.h"

NOINLINE PARKABLE void enter_call(void *arg)
{
	struct vm_call *call = arg;
	call->status = lua_pcall(call->L, call->arguments, call->results, call->handler);
}

NOINLINE PARKABLE void enter_close(void *L)
{
	lua_close(L);
}
