/* SPDX-License-Identifier: MIT
 *
 * What a preemption costs, on one worker, with the monitor at work.
 *
 *   handler to next   from the first instruction of the signal handler, on the thread of the service that is
 *                     stopped, to the first instruction of the service that runs next. The entry is noted by
 *                     a handler of our own which then calls the real one. The next service is a light one that
 *                     a message has just woken (it was not parked), or, between two loops in C, one that was
 *                     parked itself and now comes back through sigreturn.
 *   last to first     between two loops in C that do nothing but note the time: from the last time that the
 *                     one has noted to the first of the other. That is the above and the kernel's delivery of
 *                     the signal: all that the worker loses.
 *   sender            what worker_ask and, apart, the bare signal cost the thread that asks.
 *   throughput        what two loops get done in a second of the worker's CPU with slices of 1 ms, against the
 *                     same with slices of 100 ms; both measured in turn, the ratio is the median of the
 *                     ratios of neighbours.
 *
 * Times are read with rdtsc. Environment: EQUILUNE_SOURCE, EQUILUNE_BENCH_QUICK, _SECONDS, _ROUNDS.
 */
#include "core/clock.h"
#include "core/mem.h"
#include "luabind/luabind.h"
#include "sched/park.h"
#include "tests/stress/kit.h"
#include "watchdog/monitor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>

enum { SAMPLES_MAX = 1 << 16, SPARES = 4, HOGS = 2 };

static double measure_s;

/* ---- samples ---- */

struct samples {
	int count;
	uint64_t tsc[SAMPLES_MAX];
};

static double ns_per_tsc;

static void calibrate(void)
{
	int64_t ns = clock_mono_ns();
	uint64_t tsc = __rdtsc();
	usleep(100000);
	ns_per_tsc = (double)(clock_mono_ns() - ns) / (double)(__rdtsc() - tsc);
}

PARKABLE static inline void note(struct samples *s, uint64_t tsc)
{
	if (s->count < SAMPLES_MAX)
		s->tsc[s->count++] = tsc;
}

/* Nothing if another signal came after `now` was read, so that `since` is of that one. */
PARKABLE static inline void note_since(struct samples *s, uint64_t since, uint64_t now)
{
	if (since <= now)
		note(s, now - since);
}

static int compare_tsc(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static double quantile_us(const struct samples *s, double share)
{
	int at = (int)(share * s->count + 0.5) - 1;
	return (double)s->tsc[at < 0 ? 0 : at] * ns_per_tsc / 1000;
}

/* Forgets them; returns their median. */
static double print_samples(const char *what, struct samples *s)
{
	qsort(s->tsc, (size_t)s->count, sizeof(*s->tsc), compare_tsc);
	double p50 = s->count ? quantile_us(s, 0.5) : 0;
	if (s->count == 0)
		printf("  %-58s    none\n", what);
	else
		printf("  %-58s %7d %7.2f %7.2f %7.2f %8.1f\n", what, s->count, p50,
		       quantile_us(s, 0.9), quantile_us(s, 0.99), quantile_us(s, 1));
	fflush(stdout);
	s->count = 0;
	return p50;
}

static void print_head(const char *title)
{
	printf("\n%-60s %7s %7s %7s %7s %8s\n", title, "samples", "p50", "p90", "p99", "max");
}

/* ---- the entry into the handler ---- */

struct kernel_sigaction {
	void (*handler)(int, siginfo_t *, void *);
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

static void (*real_handler)(int, siginfo_t *, void *);
static _Atomic uint64_t entered;
static _Atomic(struct thread *) entered_by;

static void timed_handler(int signo, siginfo_t *info, void *context)
{
	store_relaxed(&entered, __rdtsc());
	store_relaxed(&entered_by, thread_self());
	real_handler(signo, info, context);
}

static void time_the_handler(void)
{
	struct kernel_sigaction action;
	check(syscall(SYS_rt_sigaction, PARK_SIGNAL, NULL, &action, sizeof(action.mask)) == 0,
	      "no handler");
	real_handler = action.handler;
	action.handler = timed_handler;
	check(syscall(SYS_rt_sigaction, PARK_SIGNAL, &action, NULL, sizeof(action.mask)) == 0,
	      "no handler");
}

/* ---- bodies in C ---- */

static void nothing(struct service *s)
{
	(void)s;
}

static void no_interrupt(struct service *s, enum interrupt_why why, uintptr_t pc,
			 enum park_tier tier)
{
	(void)s, (void)why, (void)pc, (void)tier;
}

static enum parked_fate run_on(struct service *s, enum park_tier tier, bool late)
{
	(void)s, (void)tier, (void)late;
	return FATE_RUN_ON;
}

static struct samples handler_to_next, last_to_first, sent_to_handler, wake_to_run;

/* A loop that notes the time; it may be parked anywhere in it. */
struct looper {
	volatile uint64_t last;
	struct looper *other;
	volatile bool stop;
};

static struct looper looper[HOGS];

NOINLINE PARKABLE static void loop_and_note(void *arg)
{
	struct looper *me = arg;
	me->last = __rdtsc();
	while (!me->stop) {
		uint64_t theirs = me->other->last, mine = me->last, now = __rdtsc();
		/* The other has run since we last did: we come from a switch. If the next one came between
		 * these lines, `now` is of after it. */
		if (theirs > mine && theirs == me->other->last) {
			note(&last_to_first, now - theirs);
			note_since(&handler_to_next, load_relaxed(&entered), now);
		}
		me->last = now;
	}
}

static void deliver_loop(struct service *s, struct message *m)
{
	message_free(m);
	stack_call_marked(loop_and_note, s->state, &s->mark);
	s->mark = 0;
}

static const struct service_body loop_body = {
	.kind = "loop",
	.deliver = deliver_loop,
	.close = nothing,
	.abandon = nothing,
	.interrupt = no_interrupt,
	.fate = run_on,
};

static _Atomic uint64_t posted;
static _Atomic int answered;

static void deliver_light(struct service *s, struct message *m)
{
	uint64_t now = __rdtsc(), post = load_relaxed(&posted), entry = load_relaxed(&entered);
	(void)s;
	/* Else nobody had to be stopped for us, or the slot came to us by a hand-off. */
	if (entry > post && load_relaxed(&entered_by) == thread_self()) {
		note(&sent_to_handler, entry - post);
		note_since(&handler_to_next, entry, now);
		note(&wake_to_run, now - post);
	}
	message_free(m);
	store_release(&answered, 1); /* pairs with the acquire in wake_often */
}

static const struct service_body light_body = {
	.kind = "light",
	.deliver = deliver_light,
	.close = nothing,
	.abandon = nothing,
	.interrupt = no_interrupt,
	.fate = run_on,
};

static struct service *launch_c(const struct service_body *body, void *state)
{
	struct settings settings = settings_preset[CLASS_NORMAL];
	struct service *s = service_new(body, body->kind, 0, &settings);
	s->state = state;
	check(service_publish(s) != 0, "no handle");
	return s;
}

static void post(struct service *s, const char *text)
{
	size_t size = strlen(text);
	char *data = mem_alloc(size);
	memcpy(data, text, size);
	check(sched_post(0, service_handle(s), MESSAGE_LUA, 0, data, size), "a service is dead");
}

static void pause_s(double s)
{
	usleep((useconds_t)(s * 1e6));
}

/* ---- two loops in C ---- */

/* What it costs whoever asks; the loops run on meanwhile. */
static void ask_often(struct samples *ask, struct samples *bare)
{
	struct worker *w = &sched.worker[0];
	int64_t until = clock_mono_ns() + (int64_t)(measure_s * NS_PER_S);
	while (clock_mono_ns() < until) {
		struct thread *t = load_relaxed(&w->thread);
		uint64_t word = load_acquire(&t->run);
		if (run_state_of(word) == RUN_BODY) {
			uint32_t signals = load_relaxed(&t->signals);
			uint64_t begin = __rdtsc();
			worker_ask(w, run_epoch_of(word));
			uint64_t end = __rdtsc();
			/* Else it was asked already, or that dispatch is over. */
			if (load_relaxed(&t->signals) != signals)
				note(ask, end - begin);
		}
		usleep(300);
		uint64_t begin = __rdtsc();
		thread_signal(t); /* asks for nothing: the handler returns */
		note(bare, __rdtsc() - begin);
		usleep(300);
	}
}

static void measure_loops(struct samples *ask, struct samples *bare)
{
	struct service *s[HOGS];
	for (int i = 0; i < HOGS; i++) {
		looper[i] = (struct looper){.other = &looper[1 - i]};
		s[i] = launch_c(&loop_body, &looper[i]);
		post(s[i], "go");
	}
	pause_s(measure_s);
	print_samples("a loop in C, stopped for another parked one", &handler_to_next);
	double lost_us = print_samples("the same, last instruction to first", &last_to_first);
	printf("    (once in a slice of 1 ms that is %.2f %% of the worker, at p50)\n",
	       lost_us / 10);
	ask_often(ask, bare);
	for (int i = 0; i < HOGS; i++) {
		looper[i].stop = true;
		sched_doom(s[i]);
	}
	kit_wait_living(0);
	handler_to_next.count = last_to_first.count = 0;
}

/* ---- hogs in Lua ---- */

uint64_t bench_count[HOGS];
__attribute__((visibility("default"))) extern uint64_t bench_count[HOGS];

static int64_t slice_now_ns = NS_PER_MS;

static void options_for(const char *name, struct vm_options *out)
{
	(void)name;
	*out = (struct vm_options){.sched = settings_preset[CLASS_NORMAL], .jit = true};
	out->sched.slice_ns = slice_now_ns;
}

static void launch_hogs(struct service **hog, int count, const char *kind)
{
	for (int i = 0; i < count; i++) {
		char text[32];
		snprintf(text, sizeof(text), "%s %d", kind, i);
		hog[i] = service_grab(vm_launch("preempt_hog", 0));
		check(hog[i] != NULL, "no service");
		post(hog[i], text);
	}
	pause_s(0.1);
}

static void end_hogs(struct service **hog, int count)
{
	for (int i = 0; i < count; i++) {
		sched_doom(hog[i]);
		service_release(hog[i]);
	}
	kit_wait_living(0);
}

/* At odd moments, so that they meet no rhythm of the hog's. */
static void wake_often(struct service *light)
{
	uint64_t random = 88172645463325252u;
	int64_t until = clock_mono_ns() + (int64_t)(measure_s * NS_PER_S);
	while (clock_mono_ns() < until) {
		usleep(200 + kit_random(&random) % 800);
		store_relaxed(&answered, 0);
		store_relaxed(&posted, __rdtsc());
		post(light, "hello");
		int64_t give_up = clock_mono_ns() + NS_PER_S;
		while (!load_acquire(&answered) && clock_mono_ns() < give_up)
			usleep(50);
	}
}

/* How often the handler could not park. */
static uint64_t refused(void)
{
	uint64_t sum = 0;
	for (int i = 0; i < thread_count(); i++)
		sum += load_relaxed(&thread_at(i)->refused);
	return sum;
}

static void measure_hog(const char *kind, const char *what)
{
	struct service *hog, *light;
	char title[64];
	launch_hogs(&hog, 1, kind);
	light = launch_c(&light_body, NULL);
	uint64_t handed = load_relaxed(&sched.handoffs), no = refused();
	wake_often(light);
	snprintf(title, sizeof(title), "%s, stopped for a light service", what);
	print_samples(title, &handler_to_next);
	handed = load_relaxed(&sched.handoffs) - handed;
	no = refused() - no;
	if (handed || no)
		printf("    (it was in C code %llu times, and handed off %llu times)\n",
		       (unsigned long long)no, (unsigned long long)handed);
	sched_doom(light);
	end_hogs(&hog, 1);
}

/* ---- throughput ---- */

struct work {
	double per_cpu_s, preemptions_per_s, others_cpu;
};

/* Of all threads that have held the slot or may. */
static int64_t worker_cpu_ns(void)
{
	int64_t sum = 0;
	for (int i = 0; i < thread_count(); i++) {
		int64_t cpu = load_relaxed(&thread_at(i)->tid)
				      ? clock_cpu_ns(thread_at(i)->cpu_clock)
				      : 0;
		sum += cpu > 0 ? cpu : 0;
	}
	return sum;
}

static int64_t process_cpu_ns(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * NS_PER_S +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * NS_PER_US;
}

static uint64_t parks_of(struct service *const *hog)
{
	uint64_t sum = 0;
	for (int i = 0; i < HOGS; i++)
		sum += load_relaxed(&hog[i]->parks[TIER_MACHINE_CODE]) +
		       load_relaxed(&hog[i]->parks[TIER_VM]);
	return sum;
}

static uint64_t done_by_all(void)
{
	uint64_t sum = 0;
	for (int i = 0; i < HOGS; i++)
		sum += *(volatile uint64_t *)&bench_count[i];
	return sum;
}

static struct work work_with_slice(const char *kind, int64_t slice_ns)
{
	struct service *hog[HOGS];
	slice_now_ns = slice_ns;
	launch_hogs(hog, HOGS, kind);
	int64_t wall = clock_mono_ns(), process = process_cpu_ns(), cpu = worker_cpu_ns();
	uint64_t done = done_by_all(), parks = parks_of(hog);
	pause_s(measure_s / 4);
	done = done_by_all() - done;
	cpu = worker_cpu_ns() - cpu;
	process = process_cpu_ns() - process;
	wall = clock_mono_ns() - wall;
	parks = parks_of(hog) - parks;
	end_hogs(hog, HOGS);
	slice_now_ns = NS_PER_MS;
	return (struct work){(double)done * 1e9 / (double)cpu, (double)parks * 1e9 / (double)wall,
			     (double)(process - cpu) / (double)wall};
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *value, int n)
{
	qsort(value, (size_t)n, sizeof(*value), compare_doubles);
	return n % 2 ? value[n / 2] : (value[n / 2 - 1] + value[n / 2]) / 2;
}

static void measure_throughput(const char *kind, const char *what, int pairs)
{
	double ratio[64], fine[64], coarse[64], stopped[64], others[64], others_coarse[64];
	for (int i = 0; i < pairs; i++) {
		/* The order changes, so that a machine that slows down is nobody's advantage. */
		struct work w[2];
		w[i % 2] = work_with_slice(kind, i % 2 ? 100 * NS_PER_MS : NS_PER_MS);
		w[1 - i % 2] = work_with_slice(kind, i % 2 ? NS_PER_MS : 100 * NS_PER_MS);
		ratio[i] = 100 * (1 - w[0].per_cpu_s / w[1].per_cpu_s);
		fine[i] = w[0].per_cpu_s;
		coarse[i] = w[1].per_cpu_s;
		stopped[i] = w[0].preemptions_per_s;
		others[i] = 100 * w[0].others_cpu;
		others_coarse[i] = 100 * w[1].others_cpu;
	}
	double cost = median(ratio, pairs);
	printf("  %-18s %12.0f %12.0f %8.2f %% %8.2f %% to %5.2f %% %9.0f %9.2f %% %7.2f %%\n",
	       what, median(fine, pairs), median(coarse, pairs), cost, ratio[pairs / 4],
	       ratio[pairs - 1 - pairs / 4], median(stopped, pairs), median(others, pairs),
	       median(others_coarse, pairs));
	fflush(stdout);
}

/* ---- main ---- */

static void start(void)
{
	struct monitor_options options = {.restore_ns = NS_PER_S, .handoff_ns = 2 * NS_PER_MS};
	kit_services_from("tests/bench/services");
	vm_options_for = options_for;
	kit_start(1, 0, SPARES, vm_library_address());
	monitor_start(&options);
	check(park_is_possible(), "this machine cannot park");
	time_the_handler();
}

int main(void)
{
	static struct samples ask, bare;
	measure_s = kit_bench_setting("SECONDS", 2, 0.6);
	int pairs = (int)kit_bench_setting("ROUNDS", 15, 3);
	pairs = pairs > 64 ? 64 : pairs;
	calibrate();
	start();
	print_head("entering the handler to the next service running, us");
	measure_loops(&ask, &bare);
	measure_hog("loop", "a compiled loop");
	measure_hog("tables", "making tables");
	measure_hog("sort", "table.sort");
	measure_hog("find", "string.find");
	print_head("the sender, us");
	print_samples("worker_ask", &ask);
	print_samples("the bare signal (tgkill)", &bare);
	print_samples("from the message to the handler's entry", &sent_to_handler);
	print_samples("from the message to the light service running", &wake_to_run);
	printf("\nloops done in a second of the worker's CPU, two hogs, medians of %d pairs\n",
	       pairs);
	printf("  %-18s %12s %12s %10s %19s %9s %11s %9s\n", "", "1 ms slices", "100 ms", "cost",
	       "quartiles", "stops/s", "others: 1 ms", "100 ms");
	measure_throughput("loop", "a compiled loop", pairs);
	measure_throughput("tables", "making tables", pairs);
	printf("  (others: CPU of the monitor and the rest of the process, of a core)\n");
	monitor_stop();
	kit_stop();
	return 0;
}
