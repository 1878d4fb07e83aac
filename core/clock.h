/* SPDX-License-Identifier: MIT
 *
 * Clocks. All times in equilune are nanoseconds in an int64_t (292 years), named `_ns`. The simulator
 * links its own clock.c, so nothing else may call clock_gettime.
 */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include "core/base.h"
#include <time.h>

#define NS_PER_US 1000ll
#define NS_PER_MS 1000000ll
#define NS_PER_CS 10000000ll /* skynet's unit, 1/100 s */
#define NS_PER_S  1000000000ll

/* The earlier time, or the shorter one. */
static inline int64_t ns_min(int64_t a_ns, int64_t b_ns)
{
	return a_ns < b_ns ? a_ns : b_ns;
}

/* CLOCK_MONOTONIC. Any thread, async-signal-safe, about 30 ns. */
int64_t clock_mono_ns(void);

/* The same clock, but it goes on while the machine is suspended. */
int64_t clock_boot_ns(void);

/* Seconds of the wall clock since 1970, as nanoseconds. */
int64_t clock_wall_ns(void);

/* CPU time used by the calling thread; about 340 ns. */
int64_t clock_self_cpu_ns(void);

/* CPU time of the thread behind `id` (pthread_getcpuclockid), -1 when it is gone. Any thread. */
int64_t clock_cpu_ns(clockid_t id);

#endif
