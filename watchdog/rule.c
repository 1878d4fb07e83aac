/* SPDX-License-Identifier: MIT */
#include "watchdog/rule.h"
#include "core/clock.h"

#include <stdio.h>

enum { DOUBLINGS_MAX = 20, CLEAR_PERCENT = 50 };

#define MEGABYTE (1ll << 20)

#define LATE (RULE_WALL | RULE_GRACE)

const struct rule rule_table[RULE_KINDS] = {
	[RULE_LONG_MESSAGE] =
		{"long_message", "warn", RULE_UNIT_NS, NS_PER_S, 0, CLEAR_PERCENT, 0,
		 "has used", "of CPU for one message",
		 "look at the line: split the work, or give the service the class batch"},
	[RULE_STARVED] = {"starved", "starved", RULE_UNIT_NS, 100 * NS_PER_MS, LATE, CLEAR_PERCENT,
			  0, "has waited", "for a worker",
			  "more is runnable than the workers can do: add workers, or weight to this "
			  "service; if neither is short this is a fault of the scheduler"},
	[RULE_SLOT] = {"slot", "slot", RULE_UNIT_NS, 50 * NS_PER_MS, RULE_WALL, CLEAR_PERCENT, 0,
		       "has held its worker for", "after it was asked to stop",
		       "it is in C code and no spare thread could take over: raise `spares`"},
	[RULE_BLOCKED] = {"blocked", "blocked", RULE_UNIT_NS, NS_PER_S, LATE, CLEAR_PERCENT, 0,
			  "has been asleep in a system call for", "",
			  "it answers nobody meanwhile: use the socket and timer functions, or a "
			  "process of its own"},
	[RULE_STUCK] = {"stuck_in_c", "stuck", RULE_UNIT_NS, NS_PER_S, 0, CLEAR_PERCENT, 0,
			"has computed in C code for", "of CPU without a worker",
			"it competes with the workers for cores: split the call, or move it to a "
			"process of its own"},
	[RULE_MAILBOX] = {"mailbox", "mailbox", RULE_UNIT_COUNT, 1024, RULE_SLOW, CLEAR_PERCENT, 0,
			  "May overload, message queue length =", "and it takes none",
			  "it is stuck in one message, or has as many tasks as `max_tasks` allows: see "
			  "its other alerts"},
	[RULE_MAILBOX_AGE] = {"mailbox_age", "mailbox_age", RULE_UNIT_NS, NS_PER_S,
			      LATE | RULE_SLOW, CLEAR_PERCENT, 0, "lets its first message wait for", "or longer",
			      "it takes fewer messages than it gets: more weight, less work a "
			      "message, or several of it"},
	[RULE_MAILBOX_FULL] = {"mailbox_full", "mailbox_full", RULE_UNIT_COUNT, 1, RULE_SLOW,
			       CLEAR_PERCENT, 0, "has refused or dropped",
			       "messages in a second: its mailbox is full",
			       "it takes fewer messages than it gets: more weight, several of it, or a "
			       "larger `mailbox.max` if this was a peak"},
	[RULE_TASKS] = {"tasks", "tasks", RULE_UNIT_COUNT, 10000, RULE_SLOW, CLEAR_PERCENT, 0, "has",
			"suspended tasks",
			"they wait for answers that do not come, or are forked without bound"},
	[RULE_MEMORY] = {"memory", "memory", RULE_UNIT_BYTES, 32 * MEGABYTE,
			 RULE_MARK | RULE_SLOW, CLEAR_PERCENT, 0,
			 "Memory warning", "", "`memlimit` bounds it"},
	[RULE_ERRORS] = {"errors", "errors", RULE_UNIT_COUNT, 100, RULE_SLOW, CLEAR_PERCENT, 0, "has had",
			 "messages a second that end in an error", "the log has their tracebacks"},
	[RULE_GC] = {"gc", "gc", RULE_UNIT_NS, 500 * NS_PER_MS, RULE_SLOW, CLEAR_PERCENT, 0, "spends",
		     "of each second in its garbage collector",
		     "it makes more garbage than it can afford: use tables and strings again, keep less, "
		     "or let it have more memory (collectgarbage \"setpause\")"},
	[RULE_TIMER_LATE] = {"timer_late", "timer_late", RULE_UNIT_NS, 100 * NS_PER_MS,
			     LATE | RULE_SLOW, CLEAR_PERCENT, NS_PER_S, "fires timers", "late",
			     "the loop thread gets no core: fewer workers than cores, or more "
			     "cores"},
	[RULE_LOOP_LATE] = {"loop_late", "loop_late", RULE_UNIT_NS, 100 * NS_PER_MS, LATE,
			    CLEAR_PERCENT, 0, "has been in one round of the I/O loop for", "",
			    "nothing may block there: report it, with a dump of the threads"},
	[RULE_MONITOR_LATE] = {"monitor_late", "monitor_late", RULE_UNIT_NS, 50 * NS_PER_MS,
			       RULE_WALL | RULE_VETO, CLEAR_PERCENT, 0, "ran", "late",
			       "the machine was paused, or its cores are all taken"},
};

static bool counts(const struct rule *r, const struct rule_look *look)
{
	if ((r->flags & RULE_WALL) && look->disturbed)
		return false;
	return !(r->flags & RULE_GRACE) || look->now_ns - look->born_ns >= RULE_GRACE_NS;
}

static enum rule_verdict judge_mark(struct rule_state *s, const struct rule_look *look)
{
	int64_t mark = s->mark ? s->mark : look->limit;
	if (look->figure < mark)
		return RULE_QUIET;
	/* Far beyond the mark is one line, not one for each doubling that was jumped over. */
	while (mark <= look->figure)
		mark *= 2;
	s->mark = mark;
	s->worst = look->figure;
	return RULE_BEGINS;
}

/* One alert of a thread that has had no core is worth less than one that comes later and says where it is. */
static const int64_t UNMET_NS = 5 * NS_PER_S;

/* No episode yet. */
static enum rule_verdict may_begin(const struct rule *r, struct rule_state *s,
				   const struct rule_look *look)
{
	if (!counts(r, look) || look->figure < look->limit) {
		s->above_ns = 0;
		return RULE_QUIET;
	}
	if (s->above_ns == 0) {
		s->above_ns = look->now_ns;
		return RULE_QUIET;
	}
	if (look->now_ns - s->above_ns < (look->unmet ? UNMET_NS : r->persist_ns))
		return RULE_QUIET;
	s->begun_ns = look->now_ns;
	s->next_ns = look->now_ns + RULE_REPEAT_NS;
	s->worst = look->figure;
	s->lines = 1;
	return RULE_BEGINS;
}

static enum rule_verdict may_last(const struct rule *r, struct rule_state *s,
				  const struct rule_look *look)
{
	if (look->figure > s->worst)
		s->worst = look->figure;
	if (look->figure < look->limit * r->clear_percent / 100) {
		s->begun_ns = s->above_ns = 0;
		return RULE_OVER;
	}
	if (look->now_ns < s->next_ns || !counts(r, look))
		return RULE_QUIET;
	int doublings = s->lines < DOUBLINGS_MAX ? s->lines : DOUBLINGS_MAX;
	s->next_ns = look->now_ns + ((int64_t)RULE_REPEAT_NS << doublings);
	s->lines++;
	return RULE_LASTS;
}

enum rule_verdict rule_judge(enum rule_kind kind, struct rule_state *s,
			     const struct rule_look *look)
{
	const struct rule *r = &rule_table[kind];
	if (look->limit <= 0 || (r->flags & RULE_VETO))
		return RULE_QUIET;
	if (r->flags & RULE_MARK)
		return judge_mark(s, look);
	return s->begun_ns ? may_last(r, s, look) : may_begin(r, s, look);
}

void rule_format(enum rule_unit unit, int64_t figure, char *out, size_t size)
{
	long long n = figure, ms = figure / NS_PER_MS;
	long long centi_mb = figure / MEGABYTE * 100 + figure % MEGABYTE * 100 / MEGABYTE;
	/* Integers: printf of a double may allocate. */
	if (unit == RULE_UNIT_COUNT)
		snprintf(out, size, "%lld", n);
	else if (unit == RULE_UNIT_BYTES)
		snprintf(out, size, "%lld.%02lld M", centi_mb / 100, centi_mb % 100);
	else if (ms < 1000)
		snprintf(out, size, "%lld ms", ms);
	else
		snprintf(out, size, "%lld.%03lld s", ms / 1000, ms % 1000);
}
