/* SPDX-License-Identifier: MIT
 *
 * What the signal handler does to a VM: note where its compiled code is, or arm a count hook that takes the
 * traceback (or ends the handler) at the next interpreted instruction.
 */
#ifndef LUABIND_INTERRUPT_H
#define LUABIND_INTERRUPT_H

#include "luabind/vm.h"
#include <signal.h>

/* struct service_body.interrupt of a Lua service. */
void interrupt_vm(struct service *s, enum interrupt_why why, uintptr_t pc, enum park_tier tier);

/* luabind/place.c: struct service_body.describe of a Lua service. */
void describe_vm(struct service *s, uintptr_t pc, uintptr_t sp, uintptr_t high,
		 struct evidence *out);

/* luabind/hook.c */
/* Fills place and traceback from a state, without allocating in it. */
void hook_traceback(lua_State *L, struct evidence *e);
void hook_probe(lua_State *L, lua_Debug *ar);
void hook_raise(lua_State *L, lua_Debug *ar);
void hook_kill(lua_State *L, lua_Debug *ar);
/* Before the first of them: inside of a protected call. */
void hook_open(lua_State *L);
/* After every call into the VM, with its status: nothing is raised any more. An interrupt that came as far as here
 * gets its text. `L` is the main state. Returns the status that counts. */
int hook_call_is_over(lua_State *L, struct vm *vm, int status);
/* The text of the interrupt that hook_raise has raised as `error` (NULL: or anything became of it), and where; NULL:
 * there is none. */
const char *hook_raised_for(struct vm *vm, const char *error, const char **traceback);
/* Frees what hook_raise keeps. */
void hook_term(struct vm *vm);

/* The signal handler sets hooks too, and a lua_sethook that it interrupts may be lost: blocks it for a moment. Own
 * thread. */
void interrupt_hold(sigset_t *before);
void interrupt_release(const sigset_t *before);

#endif
