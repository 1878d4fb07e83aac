/* SPDX-License-Identifier: MIT */
#include "watchdog/alert.h"
#include "core/clock.h"
#include "core/log.h"
#include "watchdog/notice.h"

#include <stdio.h>

/* What scripts that watch skynet's log look for. */
#define SKYNETS_TEXT                                                                               \
	"A message from [ :%08x ] to [ :%08x ] maybe in an endless loop (version = %llu)"

/* The monitor's, so that nothing is allocated when it matters. */
static char line[4096];

static bool known(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static size_t put(char *out, size_t used, size_t size, const char *before, const char *text)
{
	if (!known(text) || used >= size)
		return used;
	return used + clipped(snprintf(out + used, size - used, "%s%s", before, text),
			      size - used);
}

/* "12 in its mailbox (the first for 3.000 s or longer), 3.20 M of memory" */
static void put_state(const struct alert *a, char *out, size_t size)
{
	char memory[32], age[32], first[64] = "";
	rule_format(RULE_UNIT_BYTES, (int64_t)a->memory_bytes, memory, sizeof(memory));
	rule_format(RULE_UNIT_NS, a->head_age_ns, age, sizeof(age));
	if (a->mailbox && a->head_age_ns > 0)
		snprintf(first, sizeof(first), " (the first for %s or longer)", age);
	out[0] = '\0';
	if (a->mailbox || a->memory_bytes)
		snprintf(out, size, "%u in its mailbox%s, %s of memory", a->mailbox, first, memory);
}

/* What is told of it beside the figures: ", from gate, first argument \"login\", ...". */
static void put_more(const struct alert *a, char *out, size_t size)
{
	char looks[64] = "", state[160];
	size_t used = 0;
	put_state(a, state, sizeof(state));
	out[0] = '\0';
	if (a->looks > 1)
		snprintf(looks, sizeof(looks), "%d of %d looks at this place%s", a->same, a->looks,
			 a->same == a->looks ? "" : " (so it gets on)");
	used = put(out, used, size, ", in the system call ", a->syscall);
	used = put(out, used, size, ", sent by ", a->source);
	used = put(out, used, size, ", first argument ", a->argument);
	used = put(out, used, size, ", ", looks);
	used = put(out, used, size, ", ", state);
	used = put(out, used, size, ", CPU lately: ", a->shares);
	used = put(out, used, size, ", waiting: ", a->waiters);
}

size_t alert_format(const struct alert *a, char *out, size_t size)
{
	/* Milliseconds as integers: printf of a double may allocate. */
	long long cpu_ms = a->cpu_ns / NS_PER_MS, wall_ms = a->wall_ns / NS_PER_MS;
	char told[768], more[96] = "";
	put_more(a, told, sizeof(told));
	if (a->suppressed)
		snprintf(more, sizeof(more), ", %llu more alerts of this kind were not written",
			 (unsigned long long)a->suppressed);
	int n = snprintf(
		out, size,
		"error: " SKYNETS_TEXT ": service %s%s%s (%s), %lld.%03lld s of CPU in %lld.%03lld s, "
		"message "
		"type %d session %d, preempted %llu times, handed off %llu times, %d waiting (the "
		"first for %lld us)%s%s%s%s%s%s%s",
		a->from, a->to, (unsigned long long)a->version, a->service,
		a->place[0] ? " at " : "", a->place, a->kind, cpu_ms / 1000, cpu_ms % 1000,
		wall_ms / 1000, wall_ms % 1000, a->type, a->session, (unsigned long long)a->parks,
		(unsigned long long)a->handoffs, a->waiting,
		(long long)(a->first_waits_ns / NS_PER_US), a->doomed ? ", killed" : "", told, more,
		a->traceback[0] ? "\nstack traceback:\n" : "", a->traceback,
		known(a->frames) ? "\nnative frames:\n" : "", known(a->frames) ? a->frames : "");
	return clipped(n, size);
}

static size_t put_when(char *out, size_t used, size_t size, const char *what, int64_t cpu_ns)
{
	char cpu[32], text[64];
	if (cpu_ns == 0)
		return used;
	rule_format(RULE_UNIT_NS, cpu_ns, cpu, sizeof(cpu));
	snprintf(text, sizeof(text), "%s at %s", what, cpu);
	return put(out, used, size, ", ", text);
}

/* ", demoted at 5.000 s, interrupted at 8.000 s (main.lua:12), killed at 12.000 s: closed with its finalizers in ..." */
static void put_outcome(const struct alert *a, char *out, size_t size)
{
	char took[32], memory[32], text[160];
	out[0] = '\0';
	size_t used = put_when(out, 0, size, "demoted", a->demoted_ns);
	used = put_when(out, used, size, "interrupted", a->interrupted_ns);
	if (a->interrupted_ns && known(a->raised_at)) {
		snprintf(text, sizeof(text), "(%s)", a->raised_at);
		used = put(out, used, size, " ", text);
	}
	used = put_when(out, used, size, "killed", a->killed_ns);
	if (a->end == NULL)
		return;
	rule_format(RULE_UNIT_NS, a->end_ns, took, sizeof(took));
	rule_format(RULE_UNIT_BYTES, (int64_t)a->freed_bytes, memory, sizeof(memory));
	snprintf(text, sizeof(text), "%s, after %s; %s of memory given back", a->end, took, memory);
	put(out, used, size, ": ", text);
}

size_t alert_format_over(const struct alert *a, char *out, size_t size)
{
	long long cpu_ms = a->cpu_ns / NS_PER_MS, wall_ms = a->wall_ns / NS_PER_MS;
	char outcome[512];
	put_outcome(a, outcome, sizeof(outcome));
	int n = snprintf(out, size,
			 "The message from [ :%08x ] to [ :%08x ] %s: service %s, %lld.%03lld "
			 "s of CPU in %lld.%03lld s%s",
			 a->from, a->to, a->doomed ? "was cut off" : "is through", a->service,
			 cpu_ms / 1000, cpu_ms % 1000, wall_ms / 1000, wall_ms % 1000, outcome);
	return clipped(n, size);
}

static void put_outcome_fields(const struct alert *a, struct line *l)
{
	if (a->demoted_ns)
		line_number(l, "demoted_cpu_ms", a->demoted_ns / NS_PER_MS);
	if (a->interrupted_ns) {
		line_number(l, "interrupted_cpu_ms", a->interrupted_ns / NS_PER_MS);
		line_text(l, "interrupted_at", a->raised_at);
	}
	if (a->killed_ns)
		line_number(l, "killed_cpu_ms", a->killed_ns / NS_PER_MS);
	if (a->end) {
		line_text(l, "end", a->end);
		line_number(l, "end_ms", a->end_ns / NS_PER_MS);
		line_number(l, "freed_bytes", (int64_t)a->freed_bytes);
	}
}

size_t alert_format_fields(const struct alert *a, bool over, enum line_format format,
			   int64_t wall_ns, char *out, size_t size)
{
	char text[128];
	struct line l;
	line_begin(&l, format, out, size, wall_ns);
	line_text(&l, "level", over ? "info" : "error");
	line_text(&l, "alert", rule_table[RULE_LONG_MESSAGE].name);
	line_text(&l, "state", over ? "over" : a->alerts > 1 ? "lasts" : "begins");
	line_address(&l, "address", a->to);
	line_text(&l, "service", a->service);
	line_address(&l, "from", a->from);
	line_number(&l, "version", (int64_t)a->version);
	line_number(&l, "type", a->type);
	line_number(&l, "session", a->session);
	line_number(&l, "cpu_ms", a->cpu_ns / NS_PER_MS);
	line_number(&l, "wall_ms", a->wall_ns / NS_PER_MS);
	line_text(&l, "killed", a->doomed ? "true" : "");
	if (over) {
		put_outcome_fields(a, &l);
		return line_end(&l);
	}
	line_text(&l, "place", a->place);
	line_text(&l, "where", a->kind);
	line_text(&l, "syscall", a->syscall);
	line_text(&l, "source", a->source);
	line_text(&l, "argument", a->argument);
	line_number(&l, "mailbox", a->mailbox);
	line_number(&l, "head_age_ms", a->head_age_ns / NS_PER_MS);
	line_number(&l, "memory_bytes", (int64_t)a->memory_bytes);
	line_number(&l, "looks", a->looks);
	line_number(&l, "looks_at_place", a->same);
	line_text(&l, "shares", a->shares);
	line_text(&l, "waiters", a->waiters);
	line_number(&l, "preempted", (int64_t)a->parks);
	line_number(&l, "handed_off", (int64_t)a->handoffs);
	line_number(&l, "waiting", a->waiting);
	line_number(&l, "first_waits_us", a->first_waits_ns / NS_PER_US);
	if (a->suppressed)
		line_number(&l, "suppressed", (int64_t)a->suppressed);
	snprintf(text, sizeof(text), SKYNETS_TEXT, a->from, a->to, (unsigned long long)a->version);
	line_text(&l, "msg", text);
	line_text(&l, "traceback", a->traceback);
	line_text(&l, "frames", a->frames);
	return line_end(&l);
}

static void write_fields(const struct alert *a, bool over)
{
	size_t bytes = alert_format_fields(a, over, notice_line_format(), clock_wall_ns(), line,
					   sizeof(line));
	log_write_bare(line, bytes);
}

bool alert_write(struct alert *a, int64_t now_ns)
{
	if (!notice_may(RULE_LONG_MESSAGE, now_ns))
		return false;
	a->suppressed = notice_suppressed(RULE_LONG_MESSAGE);
	if (notice_line_format() == LINE_SKYNET)
		log_write(0, line, alert_format(a, line, sizeof(line)));
	else
		write_fields(a, false);
	return true;
}

void alert_write_over(const struct alert *a)
{
	if (notice_line_format() == LINE_SKYNET)
		log_write(0, line, alert_format_over(a, line, sizeof(line)));
	else
		write_fields(a, true);
}
