/* SPDX-License-Identifier: MIT
 *
 * What the watchdog costs with many services busy: CPU of the monitor thread for all rules and evidence, as a share of one
 * core, in windows of some seconds. Ending slices is scheduling, and the other column. The rules are timed where they run, by the
 * thread's own clock, less what reading that clock takes: the difference between two windows with and without them is
 * lost in what the machine does to either.
 *
 * Then the services end, and the monitor's passes are counted while nobody runs: there should be none.
 *
 * Environment: EQUILUNE_SOURCE, EQUILUNE_BENCH_QUICK, _SECONDS, _ROUNDS.
 */
#include "core/clock.h"
#include "core/mem.h"
#include "luabind/luabind.h"
#include "tests/stress/kit.h"
#include "watchdog/monitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SERVICES = 1000, WORKERS = 2, SPARES = 4, ROUNDS_MAX = 64 };

static double measure_s;

static void pause_s(double s)
{
	usleep((useconds_t)(s * 1e6));
}

/* ---- the load ---- */

static void options_for(const char *name, struct vm_options *out)
{
	(void)name;
	*out = (struct vm_options){.sched = settings_preset[CLASS_NORMAL], .jit = true};
}

static void post(struct service *s, const char *text)
{
	size_t size = strlen(text);
	char *data = mem_alloc(size);
	memcpy(data, text, size);
	check(sched_post(0, service_handle(s), MESSAGE_LUA, 0, data, size), "a service is dead");
}

static void launch(struct service **busy, const char *kind)
{
	/* As the config has them when it says nothing. */
	static const struct limits limits = {
		.at_ns = {[STEP_WARN] = NS_PER_S, [STEP_DEMOTE] = 5 * NS_PER_S, [STEP_DUMP] = 10 * NS_PER_S}};
	for (int i = 0; i < SERVICES; i++) {
		char text[48];
		busy[i] = service_grab(vm_launch("watchdog_busy", 0));
		check(busy[i] != NULL, "no service");
		service_set_limits(busy[i], &limits);
		snprintf(text, sizeof(text), "%s %u", kind, service_handle(busy[i]));
		post(busy[i], text);
	}
	/* Until they have loaded their files. */
	for (int i = 0; i < SERVICES; i++)
		while (load_relaxed(&busy[i]->messages) < 1)
			usleep(1000);
}

static void end_all(struct service **busy)
{
	for (int i = 0; i < SERVICES; i++) {
		sched_doom(busy[i]);
		service_release(busy[i]);
	}
	kit_wait_living(0);
}

/* ---- the monitor ---- */

static void start_monitor(void)
{
	struct monitor_options options = {
		.handoff_ns = 2 * NS_PER_MS,
		.abort_ns = 10 * NS_PER_S,
		.timed = true,
	};
	for (int i = 0; i < RULE_KINDS; i++)
		options.limit[i] = rule_table[i].limit;
	monitor_start(&options);
}

struct window {
	double slices, rules; /* CPU of the monitor, of one core */
	double passes_per_s;
};

static struct window measure(void)
{
	struct monitor_cpu before = monitor_cpu();
	int64_t wall = clock_mono_ns();
	uint64_t passes = monitor_passes();
	pause_s(measure_s);
	struct monitor_cpu after = monitor_cpu();
	wall = clock_mono_ns() - wall;
	passes = monitor_passes() - passes;
	return (struct window){(double)(after.slices_ns - before.slices_ns) / (double)wall,
			       (double)(after.rules_ns - before.rules_ns) / (double)wall,
			       (double)passes * 1e9 / (double)wall};
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double quantile(double *value, int n, double share)
{
	qsort(value, (size_t)n, sizeof(*value), compare_doubles);
	return value[(int)(share * (n - 1) + 0.5)];
}

static void measure_load(const char *kind, const char *what, int rounds)
{
	static struct service *busy[SERVICES];
	double slices[ROUNDS_MAX], rules[ROUNDS_MAX], passes[ROUNDS_MAX];
	launch(busy, kind);
	for (int i = 0; i < rounds; i++) {
		struct window w = measure();
		slices[i] = 100 * w.slices;
		rules[i] = 100 * w.rules;
		passes[i] = w.passes_per_s;
	}
	end_all(busy);
	printf("  %-30s %8.3f %% %8.3f %% %9.3f to %6.3f %% %9.0f\n", what,
	       quantile(slices, rounds, 0.5), quantile(rules, rounds, 0.5),
	       quantile(rules, rounds, 0.25), quantile(rules, rounds, 0.75),
	       quantile(passes, rounds, 0.5));
	fflush(stdout);
}

static void measure_idle(void)
{
	/* It looks round once more when the last service has ended. */
	pause_s(1.5);
	uint64_t passes = monitor_passes();
	pause_s(measure_s);
	printf("  %-30s %llu passes in %.1f s\n", "nobody runs",
	       (unsigned long long)(monitor_passes() - passes), measure_s);
}

/* ---- main ---- */

int main(void)
{
	measure_s = kit_bench_setting("SECONDS", 2, 0.5);
	int rounds = (int)kit_bench_setting("ROUNDS", 9, 3);
	rounds = rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
	kit_services_from("tests/bench/services");
	vm_options_for = options_for;
	kit_start(WORKERS, 0, SPARES, vm_library_address());
	start_monitor();
	printf("CPU of the monitor with %d services busy on %d workers, medians of %d windows of %.1f s\n",
	       SERVICES, WORKERS, rounds, measure_s);
	printf("  %-30s %10s %10s %20s %9s\n", "", "slices", "watchdog", "quartiles", "passes/s");
	measure_load("loop", "loops, stopped at each slice", rounds);
	measure_load("messages", "short messages", rounds);
	measure_idle();
	monitor_stop();
	kit_stop();
	return 0;
}
