/* SPDX-License-Identifier: MIT */
#include "watchdog/action.h"
#include "core/clock.h"
#include "sched/service.h"
#include "watchdog/notice.h"
#include "watchdog/rule.h"

#include <stdio.h>

static const char *const name[] = {
	[ACTION_DEMOTE] = "demote", [ACTION_RESTORE] = "restore",
	[ACTION_DUMP] = "dump",     [ACTION_INTERRUPT] = "interrupt",
	[ACTION_KILL] = "kill",     [ACTION_RESTART] = "restart",
};

static size_t format_text(const struct action *a, char *out, size_t size)
{
	char cpu[32], used[64] = "";
	bool placed = a->place && a->place[0];
	rule_format(RULE_UNIT_NS, a->cpu_ns, cpu, sizeof(cpu));
	if (a->cpu_ns)
		snprintf(used, sizeof(used), " has used %s of CPU in one message", cpu);
	return clipped(snprintf(out, size, "%s%s: service %s [ :%08x ]%s%s%s: %s",
				a->is_error ? "error: " : "", name[a->kind], a->name, a->service,
				used, placed ? " at " : "", placed ? a->place : "", a->text),
		       size);
}

size_t action_format(const struct action *a, enum line_format format, int64_t wall_ns, char *out,
		     size_t size)
{
	struct line l;
	if (format == LINE_SKYNET)
		return format_text(a, out, size);
	line_begin(&l, format, out, size, wall_ns);
	line_text(&l, "level", a->is_error ? "error" : "info");
	line_text(&l, "action", name[a->kind]);
	line_address(&l, "address", a->service);
	line_text(&l, "service", a->name);
	if (a->cpu_ns)
		line_number(&l, "cpu_ms", a->cpu_ns / NS_PER_MS);
	line_text(&l, "place", a->place);
	line_text(&l, "msg", a->text);
	return line_end(&l);
}

void action_write(const struct action *a)
{
	char line[1024];
	size_t bytes = action_format(a, notice_line_format(), clock_wall_ns(), line, sizeof(line));
	notice_log(0, line, bytes);
}

const char *action_no_hook(uint32_t met_in)
{
	/* Whoever leaves machine code for the interpreter meets the hook there: what else it was in is called from the loop. */
	if (met_in & 1u << TIER_MACHINE_CODE)
		return "it is in a compiled loop: no hook fires there";
	/* Once is enough: the handler takes some places in the library for code of others, and never the other way round. */
	if (met_in & 1u << TIER_VM)
		return "it is in a C function of the Lua library, a finalizer or the message handler of an xpcall: "
		       "no hook fires there";
	return "it is in C code: no hook fires there";
}
