/* SPDX-License-Identifier: MIT
 *
 * Which line of Lua has called the C function that a service is in: for alerts, read in the signal handler of a process that goes
 * on.
 */
#ifndef LUABIND_CALLSITE_H
#define LUABIND_CALLSITE_H

#include "sched/service.h"

/* Finds out how LuaJIT calls C functions. Main thread, before the first launch, after landmarks_init. */
void callsite_init(void);
/* Did it? Otherwise nothing is ever told. */
bool callsite_known(void);

/* struct service_body.witness of a Lua service. */
void callsite_witness(struct service *s, const struct unwind_frame *at, uintptr_t high);

#endif
