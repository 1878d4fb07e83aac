/* SPDX-License-Identifier: MIT */
#include "watchdog/disturbance.h"
#include "core/clock.h"
#include "sched/accounts.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TAKEN_PERCENT = 30, STEAL_FIELD = 7, FIELDS = 8 };

/* The clocks are read one after the other. */
static const int64_t SUSPENDED_NS = 10 * NS_PER_MS;

static struct {
	int status_fd, stat_fd; /* -1: not there */
} files = {-1, -1};

enum disturbance disturbance_between(const struct machine_sample *before,
				     const struct machine_sample *now, int64_t late_ns)
{
	int64_t slots = now->slots_ns - before->slots_ns, taken = now->taken_ns - before->taken_ns;
	int64_t all = now->cpu_ticks - before->cpu_ticks;
	int64_t steal = now->steal_ticks - before->steal_ticks;
	if (now->traced || before->traced)
		return DISTURBED_TRACED;
	if (now->boot_ns - before->boot_ns - (now->at_ns - before->at_ns) > SUSPENDED_NS)
		return DISTURBED_SUSPENDED;
	if (now->monitor_late_ns >= late_ns)
		return DISTURBED_LATE;
	if (taken > 0 && taken * 100 >= slots * TAKEN_PERCENT)
		return DISTURBED_TAKEN;
	if (steal > 0 && steal * 100 >= all * TAKEN_PERCENT)
		return DISTURBED_TAKEN;
	return DISTURBED_NOT;
}

const char *disturbance_name(enum disturbance d)
{
	static const char *const name[] = {"none", "the monitor came late",
					   "the machine was suspended", "cores were taken away",
					   "a debugger is attached"};
	return name[d];
}

int64_t disturbance_tracer(const char *text)
{
	const char *at = strstr(text, "\nTracerPid:");
	return at ? strtoll(at + sizeof("\nTracerPid:") - 1, NULL, 10) : -1;
}

/* "cpu  user nice system idle iowait irq softirq steal ..." */
bool disturbance_ticks(const char *text, int64_t *all, int64_t *steal)
{
	if (strncmp(text, "cpu ", 4) != 0)
		return false;
	char *at = (char *)(uintptr_t)text + 4;
	*all = 0;
	for (int i = 0; i < FIELDS; i++) {
		char *end;
		int64_t ticks = strtoll(at, &end, 10);
		if (end == at)
			return false;
		*all += ticks;
		if (i == STEAL_FIELD)
			*steal = ticks;
		at = end;
	}
	return true;
}

void disturbance_init(void)
{
	files.status_fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	files.stat_fd = open("/proc/stat", O_RDONLY | O_CLOEXEC);
}

static void close_file(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void disturbance_term(void)
{
	close_file(&files.status_fd);
	close_file(&files.stat_fd);
}

/* The beginning of a file of the kernel's; "" when it cannot be read. */
static void read_head(int fd, char *text, size_t size)
{
	ssize_t got = fd < 0 ? -1 : pread(fd, text, size - 1, 0);
	text[got > 0 ? got : 0] = '\0';
}

static void ask_kernel(struct machine_sample *out)
{
	char text[1024];
	read_head(files.status_fd, text, sizeof(text));
	out->traced = disturbance_tracer(text) > 0;
	read_head(files.stat_fd, text, sizeof(text));
	if (!disturbance_ticks(text, &out->cpu_ticks, &out->steal_ticks))
		out->cpu_ticks = out->steal_ticks = 0;
}

void disturbance_sample(struct machine_sample *out, const struct machine_sample *before,
			int64_t now_ns, int64_t monitor_late_ns, bool full)
{
	struct accounts a;
	accounts_read(&a);
	*out = (struct machine_sample){
		.at_ns = now_ns,
		.boot_ns = clock_boot_ns(),
		.monitor_late_ns = monitor_late_ns,
		.slots_ns = a.slots.services_ns + a.slots.overhead_ns + a.slots.taken_ns,
		.taken_ns = a.slots.taken_ns,
		.cpu_ticks = before->cpu_ticks,
		.steal_ticks = before->steal_ticks,
		.traced = before->traced,
	};
	if (full)
		ask_kernel(out);
}
