/* SPDX-License-Identifier: MIT */
#include "core/clock.h"

static int64_t read_ns(clockid_t id)
{
	struct timespec now;
	if (clock_gettime(id, &now) != 0)
		return -1;
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t clock_mono_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

int64_t clock_boot_ns(void)
{
	return read_ns(CLOCK_BOOTTIME);
}

int64_t clock_wall_ns(void)
{
	return read_ns(CLOCK_REALTIME);
}

int64_t clock_self_cpu_ns(void)
{
	return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

int64_t clock_cpu_ns(clockid_t id)
{
	return read_ns(id);
}
