/* SPDX-License-Identifier: MIT */
#include "watchdog/notice.h"
#include "core/clock.h"
#include "core/log.h"
#include "watchdog/bucket.h"

#include <stdio.h>
#include <string.h>

static struct {
	enum line_format format;
	struct bucket bucket[RULE_KINDS];
	char line[4096];
} notices;

/* What it says of the figure: "has waited 212 ms for a worker". */
static void put_claim(const struct rule *r, int64_t figure, char *out, size_t size)
{
	char value[32];
	rule_format(r->unit, figure, value, sizeof(value));
	snprintf(out, size, "%s %s%s%s", r->before, value, r->after[0] ? " " : "", r->after);
}

static void put_subject(const struct notice *n, char *out, size_t size)
{
	if (n->service)
		snprintf(out, size, "service %s [ :%08x ]", n->name, n->service);
	else
		snprintf(out, size, "the process");
}

static size_t format_over(const struct notice *n, char *out, size_t size)
{
	const struct rule *r = &rule_table[n->kind];
	char subject[128], worst[32], lasted[32];
	put_subject(n, subject, sizeof(subject));
	rule_format(r->unit, n->worst, worst, sizeof(worst));
	rule_format(RULE_UNIT_NS, n->lasted_ns, lasted, sizeof(lasted));
	return clipped(snprintf(out, size, "%s of %s is over after %s: at the most %s", r->name,
				subject, lasted, worst),
		       size);
}

static const char *text_or_none(const char *text)
{
	return text ? text : "";
}

static size_t format_text(const struct notice *n, char *out, size_t size)
{
	const struct rule *r = &rule_table[n->kind];
	char subject[128], claim[128], limit[32], more[64] = "";
	if (n->verdict == RULE_OVER)
		return format_over(n, out, size);
	put_claim(r, n->figure, claim, sizeof(claim));
	/* skynet's own line, and nothing else. */
	if (r->flags & RULE_MARK)
		return clipped(snprintf(out, size, "%s", claim), size);
	put_subject(n, subject, sizeof(subject));
	rule_format(r->unit, n->limit, limit, sizeof(limit));
	if (n->suppressed)
		snprintf(more, sizeof(more), "; %llu more of this kind were not written",
			 (unsigned long long)n->suppressed);
	const char *syscall = text_or_none(n->syscall), *frames = text_or_none(n->frames);
	return clipped(snprintf(out, size, "error: %s: %s %s (limit %s)%s%s%s; %s%s%s", r->name,
				subject, claim, limit, syscall[0] ? ", in " : "", syscall, more,
				r->advice, frames[0] ? "\nnative frames:\n" : "", frames),
		       size);
}

static const char *state_of(const struct notice *n)
{
	return n->verdict == RULE_OVER ? "over" : n->verdict == RULE_LASTS ? "lasts" : "begins";
}

/* 1.5 s is 1500: keys have the unit in their name. */
static void put_figure(struct line *l, const struct rule *r, const char *stem, int64_t figure)
{
	static const char *const unit[] = {[RULE_UNIT_NS] = "_ms",
					   [RULE_UNIT_COUNT] = "",
					   [RULE_UNIT_BYTES] = "_bytes"};
	char key[32];
	snprintf(key, sizeof(key), "%s%s", stem, unit[r->unit]);
	line_number(l, key, r->unit == RULE_UNIT_NS ? figure / NS_PER_MS : figure);
}

static size_t format_fields(const struct notice *n, enum line_format format, int64_t wall_ns,
			    char *out, size_t size)
{
	const struct rule *r = &rule_table[n->kind];
	struct line l;
	char claim[128];
	bool over = n->verdict == RULE_OVER;
	line_begin(&l, format, out, size, wall_ns);
	line_text(&l, "level", over ? "info" : "error");
	line_text(&l, "alert", r->name);
	line_text(&l, "state", state_of(n));
	if (n->service) {
		line_address(&l, "address", n->service);
		line_text(&l, "service", n->name);
	}
	put_figure(&l, r, "value", over ? n->worst : n->figure);
	put_figure(&l, r, "limit", n->limit);
	if (n->verdict != RULE_BEGINS)
		line_number(&l, "lasted_ms", n->lasted_ns / NS_PER_MS);
	if (n->suppressed)
		line_number(&l, "suppressed", (int64_t)n->suppressed);
	put_claim(r, over ? n->worst : n->figure, claim, sizeof(claim));
	line_text(&l, "msg", claim);
	line_text(&l, "advice", over ? "" : r->advice);
	if (!over) {
		line_text(&l, "syscall", n->syscall);
		line_text(&l, "frames", n->frames);
	}
	return line_end(&l);
}

size_t notice_format(const struct notice *n, enum line_format format, int64_t wall_ns, char *out,
		     size_t size)
{
	if (format == LINE_SKYNET)
		return format_text(n, out, size);
	return format_fields(n, format, wall_ns, out, size);
}

/* ---- writing ---- */

void notice_init(enum line_format format)
{
	memset(&notices, 0, sizeof(notices));
	notices.format = format;
}

enum line_format notice_line_format(void)
{
	return notices.format;
}

bool notice_may(enum rule_kind kind, int64_t now_ns)
{
	return bucket_take(&notices.bucket[kind], now_ns);
}

uint64_t notice_suppressed(enum rule_kind kind)
{
	return bucket_take_suppressed(&notices.bucket[kind]);
}

void notice_log(uint32_t source, const char *line, size_t bytes)
{
	if (notices.format == LINE_SKYNET)
		log_write(source, line, bytes);
	else
		log_write_bare(line, bytes);
}

bool notice_write(struct notice *n, int64_t now_ns)
{
	if (n->verdict != RULE_OVER && !notice_may(n->kind, now_ns))
		return false;
	bool own_line = rule_table[n->kind].flags & RULE_MARK;
	/* A line that is skynet's own has no room for it: notice_pass tells. */
	n->suppressed = n->verdict == RULE_OVER || own_line ? 0 : notice_suppressed(n->kind);
	size_t bytes = notice_format(n, notices.format, clock_wall_ns(), notices.line,
				     sizeof(notices.line));
	notice_log(own_line ? n->service : 0, notices.line, bytes);
	return true;
}

static void tell(enum rule_kind kind, uint64_t count)
{
	struct line l;
	unsigned long long more = count;
	const char *name = rule_table[kind].name;
	if (notices.format == LINE_SKYNET) {
		int n = snprintf(notices.line, sizeof(notices.line),
				 "error: %s: %llu more alerts of this kind were not written", name,
				 more);
		log_write(0, notices.line, clipped(n, sizeof(notices.line)));
		return;
	}
	line_begin(&l, notices.format, notices.line, sizeof(notices.line), clock_wall_ns());
	line_text(&l, "level", "error");
	line_text(&l, "alert", name);
	line_text(&l, "state", "suppressed");
	line_number(&l, "suppressed", (int64_t)count);
	log_write_bare(notices.line, line_end(&l));
}

int64_t notice_pass(int64_t now_ns)
{
	int64_t next = INT64_MAX;
	for (int kind = 0; kind < RULE_KINDS; kind++) {
		struct bucket *b = &notices.bucket[kind];
		uint64_t count = bucket_tell(b, now_ns);
		if (count)
			tell((enum rule_kind)kind, count);
		int64_t due = bucket_due_ns(b);
		next = due < next ? due : next;
	}
	/* Never a time in the past: the monitor may run at real-time priority. */
	return next > now_ns ? next : now_ns + NS_PER_S;
}

void notice_flush(void)
{
	for (int kind = 0; kind < RULE_KINDS; kind++) {
		uint64_t count = bucket_take_suppressed(&notices.bucket[kind]);
		if (count)
			tell((enum rule_kind)kind, count);
	}
}
