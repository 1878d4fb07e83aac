/* SPDX-License-Identifier: MIT
 *
 * Who used most CPU between the last two looks at all services. Monitor thread only.
 */
#ifndef WATCHDOG_SHARES_H
#define WATCHDOG_SHARES_H

#include "core/base.h"

/* A new look begins: what was found before is forgotten. */
void shares_begin(void);
/* The service has used so much CPU in that time since the look before. */
void shares_add(uint32_t handle, int64_t cpu_ns, int64_t ns);
/* The look is through: their names are learnt while they live. */
void shares_end(void);

/* "battle 97.1 %, gate 2.0 %", of one core; "" before the first look. Cut to the size. */
void shares_format(char *out, size_t size);

#endif
