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
#include "sched/groups.h"

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

void kit_start(int workers, int shards, int spares, const void *vm_address)
{
	struct sched_options options = {
		.workers = workers,
		.shards = shards,
		.search_ns = 20 * NS_PER_US,
		.spares_max = spares,
		.stack_bytes = STACK_BYTES,
		.min_run_ns = 50 * NS_PER_US,
	};
	const char *path = getenv("STRESS_LOG");
	loop_block_signals();
	check(log_open(path ? path : "/dev/null") == 0, "no log");
	handle_init();
	timer_init(fire_timer);
	text_init(vm_address);
	sched_init(&options);
	loop_start();
	sched_start();
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

void kit_stop(void)
{
	kit_wait_living(0);
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
		e->place[0] = e->traceback[0] = '\0';
		store_relaxed(&e->state, EVIDENCE_ASKED);
		if (!cas_strong_acq_rel(&s->evidence, &none, e))
			store_relaxed(&e->state, EVIDENCE_FREE);
	}
	tormentor.figures.probes++;
	store_relaxed(&t->probe, epoch);
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
