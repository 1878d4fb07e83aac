/* SPDX-License-Identifier: MIT
 *
 * What the callback of a service gets of a message: type, payload, size in bytes, session, source. Written to the stack as it
 * lies in memory where that is proven: seven calls of the API less for each message.
 */
#ifndef LUABIND_ARGUMENTS_H
#define LUABIND_ARGUMENTS_H

#include "core/message.h"
#include "luabind/vm.h"

/* The light userdata of `vm` is on top of the stack: notes what it looks like. Once, before arguments_push. */
void arguments_learn(lua_State *L, struct vm *vm);
/* Pushes the value in `slot`, which is the callback, and its five arguments. Of the main state between two messages. The
 * payload remains the message's. */
void arguments_push(lua_State *L, struct vm *vm, int slot, const struct message *m);

#endif
