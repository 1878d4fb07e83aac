/* SPDX-License-Identifier: MIT
 *
 * Where the interpreter's C frame lies. Machine code runs on that frame, below an unknown number of bytes, so a walk of the
 * frames of a service that was interrupted there can begin only with what the VM itself knows: it keeps the stack
 * pointer of each coroutine's innermost frame (`cframe`), and which coroutine runs (`cur_L`). Neither is part of LuaJIT's
 * API; where they lie is found out at the start, with the library that is loaded.
 */
#ifndef LUABIND_VMFRAME_H
#define LUABIND_VMFRAME_H

#include "core/frames.h"
#include "sched/service.h"

/* Finds out where. Main thread, before any VM runs. */
void vmframe_learn(void);
/* false: it could not be found out, and vmframe_of will never know. */
bool vmframe_is_known(void);

/* struct service_body.frame of a Lua service. */
bool vmframe_of(struct service *s, struct frames_base *out);

#endif
