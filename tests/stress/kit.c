/* SPDX-License-Identifier: MIT */
#include "tests/stress/kit.h"
#include "core/clock.h"
#include "core/env.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/mem.h"
#include "core/name.h"
#include "core/text.h"
#include "core/timer.h"
#include "sched/accounts.h"
#include "sched/groups.h"
#include "tests/stress/kit_log.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { EVIDENCE_COUNT = 16, STACK_BYTES = 1 << 20 };

static const int64_t HANG_NS = 60 * NS_PER_S;

/* Without stdio: the thread that fails may have interrupted another one that holds its lock. */
void kit_fail(const char *file, int line, const char *fmt, ...)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "%s:%d: FAILED: ", file, line);
	va_list args;
	va_start(args, fmt);
	n += vsnprintf(text + n, sizeof(text) - (size_t)n - 1, fmt, args);
	va_end(args);
	if (n > (int)sizeof(text) - 2)
		n = (int)sizeof(text) - 2;
	text[n++] = '\n';
	ssize_t unused = write(STDERR_FILENO, text, (size_t)n);
	(void)unused;
	if (WITH_ASAN || WITH_TSAN)
		kit_log_show(); /* else the report of the abort does */
	abort();
}

uint32_t kit_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 32);
}

/* ---- the runtime ---- */

static void fire_timer(uint32_t handle, int32_t session)
{
	sched_post(0, handle, MESSAGE_RESPONSE, session, NULL, 0);
}

void kit_services_from(const char *folder)
{
	const char *root = getenv("EQUILUNE_SOURCE");
	char pattern[512];
	check(root != NULL, "EQUILUNE_SOURCE must name the root of the sources");
	snprintf(pattern, sizeof(pattern), "%s/%s/?.lua", root, folder);
	env_set("luaservice", pattern);
	env_set("lua_path", pattern);
	env_set("lua_cpath", "");
}

double kit_bench_setting(const char *name, double usual, double quick)
{
	char key[64];
	snprintf(key, sizeof(key), "EQUILUNE_BENCH_%s", name);
	const char *given = getenv(key);
	if (given && atof(given) > 0)
		return atof(given);
	return getenv("EQUILUNE_BENCH_QUICK") ? quick : usual;
}

void kit_start(int workers, int shards, int spares, const void *vm_address)
{
	struct sched_options options = {
		.workers = workers,
		.shards = shards,
		.search_ns = 20 * NS_PER_US,
		.spares_max = spares,
		.stack_bytes = STACK_BYTES,
		.min_run_ns = 50 * NS_PER_US,
		.spare_idle_ns = 5 * NS_PER_MS,
	};
	loop_block_signals();
	handle_init();
	timer_init(fire_timer);
	text_init(vm_address);
	kit_log_open();
	sched_init(&options);
	loop_start();
	sched_start();
}

static void *module; /* stress_module.so while the runtime runs */

void *kit_module_function(const char *name)
{
	char path[512];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 32);
	check(n > 0, "no path");
	path[n] = '\0';
	strcpy(strrchr(path, '/') + 1, "stress_module.so");
	module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	void *function = module ? dlsym(module, name) : NULL;
	check(function != NULL, "%s: %s", path, dlerror());
	return function;
}

void kit_wait_living(int count)
{
	int64_t limit_ns = clock_mono_ns() + HANG_NS;
	while (service_living() > count) {
		check(clock_mono_ns() < limit_ns, "%d services have not ended, %d should be left",
		      service_living(), count);
		usleep(200);
	}
}

void kit_check_accounts(void)
{
	struct accounts a;
	accounts_read(&a);
	const struct ledger_columns *c = &a.slots;
	check(c->services_ns + c->overhead_ns + c->idle_ns + c->taken_ns == c->wall_ns,
	      "the columns do not add up");
	check(c->services_ns >= 0 && c->overhead_ns >= 0 && c->idle_ns >= 0 && c->taken_ns >= 0 &&
		      c->asleep_ns >= 0 && a.detached_ns >= 0,
	      "a column is negative");
}

/* All services are dead. What they were billed is what the slots and the detached threads say, to the
 * nanosecond; and all of it together is what the kernel says that the threads used. */
static void judge_accounts(void)
{
	struct accounts a;
	int64_t threads_ns = 0;
	bool all_live = true;
	kit_check_accounts();
	for (int i = 0; i < thread_count(); i++) {
		/* Acquire: its clock is known. */
		all_live = all_live && load_acquire(&thread_at(i)->tid) != 0;
		threads_ns += all_live ? clock_cpu_ns(thread_at(i)->cpu_clock) : 0;
	}
	accounts_read(&a);
	const struct ledger_columns *c = &a.slots;
	check(a.ended_ns == c->services_ns + c->debt_ns + a.detached_ns,
	      "services were billed %lld ns, but used %lld and %lld detached",
	      (long long)a.ended_ns, (long long)(c->services_ns + c->debt_ns),
	      (long long)a.detached_ns);
	int64_t used_ns = c->services_ns + c->overhead_ns + a.detached_ns;
	printf("accounts: %.1f s x workers: services %.3f, overhead %.3f, idle %.3f, taken %.3f "
	       "(asleep %.3f, detached %.3f); threads %.3f\n",
	       (double)c->wall_ns / NS_PER_S, (double)c->services_ns / NS_PER_S,
	       (double)c->overhead_ns / NS_PER_S, (double)c->idle_ns / NS_PER_S,
	       (double)c->taken_ns / NS_PER_S, (double)c->asleep_ns / NS_PER_S,
	       (double)a.detached_ns / NS_PER_S, (double)threads_ns / NS_PER_S);
	/* Threads that ended took their clocks with them. */
	if (all_live)
		check(llabs(used_ns - threads_ns) < c->wall_ns / 50 + 10 * NS_PER_MS,
		      "the threads used %lld ns, accounted are %lld", (long long)threads_ns,
		      (long long)used_ns);
}

void kit_stop(void)
{
	kit_wait_living(0);
	judge_accounts();
	check(handle_count() == 0, "%u handles are left", handle_count());
	check(sched_stop(10 * NS_PER_S), "a thread does not end");
	loop_stop();
	thread_term();
	stack_term();
	runq_term(&sched.queue);
	groups_term();
	mem_free(sched.worker);
	service_term();
	handle_term();
	timer_term();
	text_term();
	/* The next start must not find it: what is there then counts as a part of the system. */
	if (module)
		dlclose(module);
	module = NULL;
	env_term();
	log_close();
}

/* ---- the tormentor ---- */

static struct {
	struct torment with;
	pthread_t thread;
	uint64_t seed;
	_Atomic bool stopping;
	/* The tormentor's until it ended. */
	struct torment_figures figures;
	struct evidence evidence[EVIDENCE_COUNT];
} tormentor;

static struct evidence *free_evidence(void)
{
	for (int i = 0; i < EVIDENCE_COUNT; i++) {
		struct evidence *e = &tormentor.evidence[i];
		if (load_acquire(&e->state) == EVIDENCE_READY) { /* pairs with the writer */
			check(strlen(e->place) < sizeof(e->place), "evidence without an end");
			tormentor.figures.evidence++;
			store_relaxed(&e->state, EVIDENCE_FREE);
		}
		if (load_relaxed(&e->state) == EVIDENCE_FREE)
			return e;
	}
	return NULL;
}

/* As the monitor does it in watchdog/endless.c. */
static void probe(struct thread *t, uint64_t epoch)
{
	struct service *s = load_relaxed(&t->cur);
	struct evidence *e = s ? free_evidence() : NULL, *none = NULL;
	if (e) {
		e->kind = "";
		e->in_c = false;
		e->place[0] = e->traceback[0] = '\0';
		store_relaxed(&e->state, EVIDENCE_ASKED);
		if (!cas_strong_acq_rel(&s->evidence, &none, e))
			store_relaxed(&e->state, EVIDENCE_FREE);
	}
	tormentor.figures.probes++;
	store_relaxed(&t->probe, epoch);
	sighting_ask(&t->sighting, epoch);
	store_relaxed(&t->sample, epoch);
	thread_signal(t);
}

/* The last request may have come to foreign code, so the signal is sent again. */
static void ask(struct worker *w, struct thread *t, uint64_t epoch)
{
	tormentor.figures.asked++;
	if (load_relaxed(&t->wanted) == epoch)
		thread_signal(t);
	else
		worker_ask(w, epoch);
}

static bool one_in(int n)
{
	return n > 0 && kit_random(&tormentor.seed) % (uint32_t)n == 0;
}

static void torment_worker(struct worker *w)
{
	struct thread *t = load_relaxed(&w->thread);
	uint64_t word = load_acquire(&t->run), epoch = run_epoch_of(word);
	if (run_state_of(word) != RUN_BODY)
		return;
	if (one_in(tormentor.with.hand_off_each))
		tormentor.figures.hand_offs += worker_hand_off(w, epoch) == HAND_OFF_DONE;
	else if (one_in(tormentor.with.probe_each))
		probe(t, epoch);
	else
		ask(w, t, epoch);
}

static void torment_detached(void)
{
	for (int i = 0; i < thread_count(); i++) {
		struct thread *t = thread_at(i);
		uint64_t word = load_acquire(&t->run);
		if (run_state_of(word) != RUN_DETACHED)
			continue;
		store_relaxed(&t->wanted, run_epoch_of(word));
		thread_signal(t);
	}
}

static void *torment_main(void *unused)
{
	struct timespec pause = {.tv_nsec = tormentor.with.pause_ns};
	prctl(PR_SET_TIMERSLACK, 1);
	setpriority(PRIO_PROCESS, 0, -15); /* without the right to it there are fewer requests */
	while (!load_acquire(&tormentor.stopping)) {
		for (int i = 0; i < sched.options.workers; i++)
			torment_worker(&sched.worker[i]);
		torment_detached();
		nanosleep(&pause, NULL);
	}
	return unused;
}

void torment_start(const struct torment *torment, uint64_t seed)
{
	memset(&tormentor, 0, sizeof(tormentor));
	tormentor.with = *torment;
	tormentor.seed = seed | 1;
	check(pthread_create(&tormentor.thread, NULL, torment_main, NULL) == 0, "no thread");
}

struct torment_figures torment_stop(void)
{
	store_release(&tormentor.stopping, true);
	pthread_join(tormentor.thread, NULL);
	return tormentor.figures;
}
