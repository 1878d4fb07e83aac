/* SPDX-License-Identifier: MIT */
#include "watchdog/spares.h"
#include "core/clock.h"
#include "core/log.h"
#include "sched/sched.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The loop thread gets this long to make one; if nobody asks for so long, it was a passing shortage. */
static const int64_t PATIENCE_NS = 100 * NS_PER_MS;
/* While it lasts the line comes again, at doubled intervals. */
static const int64_t AGAIN_NS = 10 * NS_PER_S;

enum { NAMED_MAX = 16 }; /* services in one line */

static struct {
	int64_t since_ns, last_ns; /* of hand-offs that found none; since: 0: there is no shortage */
	int64_t next_ns;           /* when the next line is due */
	int lines;
} spares;

/* The monitor's, so that nothing is allocated when it matters. */
static char line[4096];

void spares_init(void)
{
	memset(&spares, 0, sizeof(spares));
}

bool spares_are_exhausted(void)
{
	return spares.lines > 0;
}

static void add(size_t *length, const char *fmt, ...) PRINTF(2, 3);

static void add(size_t *length, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(line + *length, sizeof(line) - *length, fmt, args);
	va_end(args);
	*length += n < 0 ? 0 : (size_t)n;
	if (*length > sizeof(line) - 1)
		*length = sizeof(line) - 1;
}

/* What the thread does with the service that it has, NULL: it has none. */
static const char *what_it_does(const struct thread *t, uint64_t word)
{
	switch (run_state_of(word)) {
	case RUN_DETACHED:
		return thread_is_asleep(t) ? "blocked" : "in C code";
	case RUN_HELD:
		return "in C code, waits for its turn";
	case RUN_BODY:
		return thread_is_asleep(t) ? "blocked, has a worker" : NULL;
	default:
		return NULL;
	}
}

/* Adds the service on `t`; false: none that matters. Its memory is type-stable, but what was read counts only if
 * the thread is where it was. */
static bool add_service(struct thread *t, size_t *length, bool first)
{
	char name[sizeof(((struct service *)0)->name)];
	uint64_t word = load_acquire(&t->run);
	const char *what = what_it_does(t, word);
	struct service *s = load_relaxed(&t->cur);
	if (what == NULL || s == NULL)
		return false;
	memcpy(name, s->name, sizeof(name));
	name[sizeof(name) - 1] = '\0';
	uint32_t handle = service_handle(s);
	int64_t since = load_relaxed(&s->message_since_ns);
	if (load_acquire(&t->run) != word)
		return false;
	long long ms = (clock_mono_ns() - since) / NS_PER_MS;
	add(length, "%s%s [ :%08x ] (%s, %lld.%03lld s)", first ? "" : ", ", name, handle, what,
	    ms / 1000, ms % 1000);
	return true;
}

static void write_alert(uint32_t handle, int64_t now)
{
	size_t length = 0;
	int named = 0, more = 0;
	add(&length,
	    "error: spares_exhausted: no thread is left to take over the worker of [ :%08x ], which does "
	    "not give it up (for %lld ms): the services that wait for it starve. All %d threads "
	    "(thread + spares) are taken; raise `spares`, or see why these do not come back: ",
	    handle, (long long)((now - spares.since_ns) / NS_PER_MS), thread_count());
	for (int i = 0; i < thread_count(); i++) {
		if (named == NAMED_MAX)
			more++;
		else if (add_service(thread_at(i), &length, named == 0))
			named++;
	}
	if (more > 0)
		add(&length, ", and up to %d more", more);
	log_write(0, line, length);
}

static void write_over(int64_t now)
{
	size_t length = 0;
	long long ms = (now - spares.since_ns) / NS_PER_MS;
	add(&length, "spares_exhausted is over: it lasted %lld.%03lld s", ms / 1000, ms % 1000);
	log_write(0, line, length);
}

void spares_missing(uint32_t handle, int64_t now)
{
	if (spares.since_ns == 0) {
		spares.since_ns = now;
		spares.next_ns = now + PATIENCE_NS;
	}
	spares.last_ns = now;
	if (now < spares.next_ns)
		return;
	write_alert(handle, now);
	spares.next_ns = now + (AGAIN_NS << (spares.lines < 16 ? spares.lines : 16));
	spares.lines++;
}

void spares_found(int64_t now)
{
	if (spares.lines > 0)
		write_over(now);
	spares_init();
}

int64_t spares_pass(int64_t now)
{
	if (spares.since_ns == 0)
		return INT64_MAX;
	if (now - spares.last_ns >= PATIENCE_NS)
		spares_found(now);
	return spares.since_ns ? spares.last_ns + PATIENCE_NS : INT64_MAX;
}
