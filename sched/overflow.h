/* SPDX-License-Identifier: MIT
 *
 * A service that has used up its C stack ends; the process goes on. See overflow.c.
 */
#ifndef SCHED_OVERFLOW_H
#define SCHED_OVERFLOW_H

#include "core/base.h"
#include <signal.h>
#include <ucontext.h>

/* Was that fault the end of the present service's C stack, and may it be dealt with? true: the handler must do nothing
 * more and return; `uc` is changed so that the thread goes on with something else. Handler of SIGSEGV and SIGBUS only, on
 * the alternate stack. */
bool overflow_caught(const siginfo_t *info, ucontext_t *uc);

/* How many services ended that way. Any thread. */
uint64_t overflow_count(void);

#endif
