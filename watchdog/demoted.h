/* SPDX-License-Identifier: MIT
 *
 * Services that were demoted, until they have behaved: for `restore` no message of theirs was worth an alert. Monitor
 * thread only.
 */
#ifndef WATCHDOG_DEMOTED_H
#define WATCHDOG_DEMOTED_H

#include "core/base.h"

void demoted_init(int64_t restore_ns);

/* Has the service `handle` demoted, which is at that message and has used so much CPU in it, at `place`. false: there
 * is no room now, try again. */
bool demoted_begin(uint32_t handle, const char *name, uint64_t message_number, int64_t cpu_ns,
		   const char *place, int64_t now_ns);
/* A message of the service is worth an alert, or was just now: its time begins anew. */
void demoted_misbehaves(uint32_t handle, int64_t now_ns);
/* Says what was done, and restores those who have behaved. Returns when to look again; INT64_MAX: there is nobody. */
int64_t demoted_pass(int64_t now_ns);

#endif
