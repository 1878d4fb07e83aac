/* SPDX-License-Identifier: MIT
 *
 * stress_module.so, see module.c.
 */
#ifndef STRESS_MODULE_H
#define STRESS_MODULE_H

#include <stdint.h>

struct module_spin {
	uint32_t turns; /* some nanoseconds each */
	uint64_t sum;   /* the result: the same whenever it was interrupted */
};

/* For stack_call_marked, with a struct module_spin. */
void module_spin(void *spin);

#endif
