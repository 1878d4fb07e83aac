/* SPDX-License-Identifier: MIT */
#include "watchdog/alert.h"
#include "core/clock.h"
#include "core/log.h"

#include <stdio.h>

/* The monitor's, so that nothing is allocated when it matters. */
static char line[4096];

static size_t clipped(int wanted, size_t size)
{
	return wanted < 0 ? 0 : (size_t)wanted < size ? (size_t)wanted : size - 1;
}

size_t alert_format(const struct alert *a, char *out, size_t size)
{
	/* Milliseconds as integers: printf of a double may allocate. */
	long long cpu_ms = a->cpu_ns / NS_PER_MS, wall_ms = a->wall_ns / NS_PER_MS;
	int n = snprintf(
		out, size,
		"error: A message from [ :%08x ] to [ :%08x ] maybe in an endless loop "
		"(version = %llu): service %s%s%s (%s), %lld.%03lld s of CPU in %lld.%03lld s, "
		"message "
		"type %d session %d, preempted %llu times, handed off %llu times, %d waiting (the "
		"first for %lld us)%s%s%s",
		a->from, a->to, (unsigned long long)a->version, a->service,
		a->place[0] ? " at " : "", a->place, a->kind, cpu_ms / 1000, cpu_ms % 1000,
		wall_ms / 1000, wall_ms % 1000, a->type, a->session, (unsigned long long)a->parks,
		(unsigned long long)a->handoffs, a->waiting,
		(long long)(a->first_waits_ns / NS_PER_US), a->doomed ? ", killed" : "",
		a->traceback[0] ? "\nstack traceback:\n" : "", a->traceback);
	return clipped(n, size);
}

size_t alert_format_over(const struct alert *a, char *out, size_t size)
{
	long long cpu_ms = a->cpu_ns / NS_PER_MS, wall_ms = a->wall_ns / NS_PER_MS;
	int n = snprintf(out, size,
			 "The message from [ :%08x ] to [ :%08x ] %s: service %s, %lld.%03lld "
			 "s of CPU in %lld.%03lld s",
			 a->from, a->to, a->doomed ? "was cut off" : "is through", a->service,
			 cpu_ms / 1000, cpu_ms % 1000, wall_ms / 1000, wall_ms % 1000);
	return clipped(n, size);
}

void alert_write(const struct alert *a)
{
	log_write(0, line, alert_format(a, line, sizeof(line)));
}

void alert_write_over(const struct alert *a)
{
	log_write(0, line, alert_format_over(a, line, sizeof(line)));
}
