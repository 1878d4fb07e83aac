/* SPDX-License-Identifier: MIT
 *
 * How much CPU the control groups of this process leave it. Both versions of control groups count, and
 * every group on the way up, since each may have a quota of its own.
 */
#ifndef CORE_CGROUP_H
#define CORE_CGROUP_H

#include "core/base.h"

/* The smallest quota that applies, in thousandths of one CPU (1500: one and a half); 0: none. `proc` and
 * `groups` are "/proc" and "/sys/fs/cgroup"; tests bring their own. Reads files: at the start. */
int64_t cgroup_quota_millicpus(const char *proc, const char *groups);

#endif
