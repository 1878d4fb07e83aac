/* SPDX-License-Identifier: MIT */
#include "core/alarm.h"
#include "core/clock.h"

#include <sys/timerfd.h>
#include <unistd.h>

void alarm_init(struct alarm *a)
{
	store_relaxed(&a->due_ns, INT64_MAX);
	a->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (a->fd < 0)
		panic("cannot create a timer");
}

/* All zero switches it off; a time that is over makes it go off at once. */
static void set_timer(const struct alarm *a, int64_t at_ns)
{
	struct itimerspec when = {0};
	if (at_ns != INT64_MAX) {
		at_ns = at_ns > 0 ? at_ns : 1;
		when.it_value = (struct timespec){at_ns / NS_PER_S, at_ns % NS_PER_S};
	}
	ensure(timerfd_settime(a->fd, TFD_TIMER_ABSTIME, &when, NULL) == 0);
}

static void set(struct alarm *a, int64_t at_ns)
{
	for (;;) {
		set_timer(a, at_ns);
		int64_t due = load_seq(&a->due_ns);
		if (due >= at_ns)
			return; /* later: the sleeper is awake, and will set it */
		at_ns = due;
	}
}

/* false: it is early enough. */
static bool lower(struct alarm *a, int64_t by_ns)
{
	int64_t due = load_seq(&a->due_ns);
	do {
		if (due <= by_ns)
			return false;
	} while (!cas_strong_seq(&a->due_ns, &due, by_ns));
	return true;
}

void alarm_by(struct alarm *a, int64_t by_ns)
{
	if (lower(a, by_ns))
		set(a, by_ns);
}

void alarm_lower(struct alarm *a, int64_t by_ns)
{
	lower(a, by_ns);
}

void alarm_sleep(struct alarm *a)
{
	uint64_t times;
	set(a, load_seq(&a->due_ns));
	ssize_t got = read(a->fd, &times, sizeof(times));
	(void)got; /* EINTR: early */
}
