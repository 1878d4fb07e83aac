/* SPDX-License-Identifier: MIT
 *
 * A list of CPUs by number, as people and the kernel write it: "0-3,5". The order counts.
 */
#ifndef CORE_CPUS_H
#define CORE_CPUS_H

#include "core/base.h"

#define CPUS_MAX 8192 /* what Linux can be built for at the most */

struct cpus {
	int count;
	uint16_t number[CPUS_MAX];
};

/* Numbers and ranges with commas between, each CPU once. False: it is no such list; `out` is then
 * undefined. Any thread. */
bool cpus_parse(const char *text, struct cpus *out);
/* Writes it in the same form, ranges joined; cut to `size` - 1 bytes. */
void cpus_format(const struct cpus *c, char *text, size_t size);
bool cpus_have(const struct cpus *c, int number);
/* The CPUs that this process may run on (of its main thread), ascending. Any thread. */
void cpus_allowed(struct cpus *out);

#endif
