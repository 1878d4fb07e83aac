/* SPDX-License-Identifier: MIT
 *
 * The logger: the first service of every process (:00000001, ".logger"), written in C. Its text messages
 * become lines of the log.
 */
#ifndef SERVICES_LOGGER_H
#define SERVICES_LOGGER_H

#include "sched/limits.h"
#include "sched/settings.h"

/* Starts it and names it; 0: no handle. The log is open already.
 * Its weight and slice are `settings`. */
uint32_t logger_launch(const struct settings *settings, const struct limits *limits);

#endif
