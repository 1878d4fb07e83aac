/* SPDX-License-Identifier: MIT
 *
 * What the signal handler does to a VM: note where its compiled code is, or arm a count hook that takes the
 * traceback (or ends the handler) at the next interpreted instruction.
 */
#ifndef LUABIND_INTERRUPT_H
#define LUABIND_INTERRUPT_H

#include "luabind/vm.h"

/* struct service_body.interrupt of a Lua service. */
void interrupt_vm(struct service *s, enum interrupt_why why, uintptr_t pc, enum park_tier tier);

/* luabind/hook.c */
void hook_probe(lua_State *L, lua_Debug *ar);
void hook_kill(lua_State *L, lua_Debug *ar);

#endif
