/* SPDX-License-Identifier: MIT */
#include "watchdog/slots.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/mem.h"
#include "sched/accounts.h"
#include "sched/sched.h"
#include "watchdog/rules.h"
#include "watchdog/spares.h"

/* Between two looks at a detached thread: growing from the first to the second while it may only be in C too
 * often (allocating, raising errors), to the third when it is really stuck, which it is after the fourth. */
static const int64_t DETACHED_MIN_NS = 100 * NS_PER_US, DETACHED_OFTEN_NS = NS_PER_MS,
		     DETACHED_MAX_NS = 50 * NS_PER_MS, DETACHED_STUCK_NS = 50 * NS_PER_MS;

/* Spares are made by another thread: it gets a moment. */
static const int64_t NO_SPARE_RETRY_NS = NS_PER_MS;

/* What the monitor remembers of a thread; [i] belongs to thread_at(i). */
struct watch {
	uint64_t epoch; /* of the request that is followed, 0: none */
	int64_t asked_ns, signalled_ns;
	uint32_t refused; /* the thread's counter when the request was made */
	uint32_t heard;   /* and when it was signalled last */
	int64_t since_ns, look_ns, backoff_ns, cpu_ns; /* while it is detached */
	/* The killed service that was asked last, and when: outlives requests. */
	const struct service *doomed;
	int64_t doomed_ns;
};

static struct {
	struct slots_options options;
	struct watch *watch;
} slots;

void slots_init(const struct slots_options *options, int max_threads)
{
	slots.options = *options;
	spares_init();
	slots.watch = mem_zalloc((size_t)max_threads * sizeof(slots.watch[0]));
}

void slots_term(void)
{
	mem_free(slots.watch);
	slots.watch = NULL;
}

static void signal_again(struct thread *t, struct watch *watch, int64_t now)
{
	watch->signalled_ns = now;
	watch->heard = load_relaxed(&t->refused);
	thread_signal(t);
}

static int64_t hand_off(struct worker *w, struct thread *t, uint64_t epoch, int64_t now)
{
	struct service *s = load_relaxed(&t->cur);
	switch (worker_hand_off(w, epoch)) {
	case HAND_OFF_DONE:
		spares_found(now);
		return now;
	case HAND_OFF_NO_SPARE:
		/* When the process ends there are none, and nobody starves. */
		if (!load_relaxed(&sched.stopping))
			spares_missing(s ? service_handle(s) : 0, now);
		return now + NO_SPARE_RETRY_NS;
	case HAND_OFF_LATE:
		break;
	}
	return now;
}

/* A request that is out and not honoured. */
static int64_t follow_request(struct worker *w, struct thread *t, uint64_t epoch, int64_t now)
{
	struct watch *watch = &slots.watch[t->index];
	if (watch->epoch != epoch) {
		/* Whoever asked has signalled just now, or left it to us. */
		watch->epoch = epoch;
		watch->asked_ns = now;
		watch->signalled_ns = 0;
		watch->refused = load_relaxed(&t->refused);
		watch->look_ns = 0;
	}
	struct service *s = load_relaxed(&t->cur);
	struct request_age age = {
		.since_ask_ns = now - watch->asked_ns,
		.since_signal_ns = now - watch->signalled_ns,
		.asleep = thread_is_asleep(t),
		.again = s && load_relaxed(&s->handed_off),
		.refused = load_relaxed(&t->refused) != watch->refused,
		.unheard = watch->signalled_ns && load_relaxed(&t->refused) == watch->heard,
	};
	switch (rule_request(&age, slots.options.retry_ns, slots.options.handoff_ns)) {
	case REQUEST_SIGNAL:
		signal_again(t, watch, now);
		break;
	case REQUEST_HAND_OFF:
		return hand_off(w, t, epoch, now);
	case REQUEST_WAIT:
		break;
	}
	return now + slots.options.retry_ns;
}

/* A killed service must stop even when nobody waits for its worker. */
static int64_t follow_doomed(struct worker *w, struct thread *t, uint64_t epoch, int64_t now)
{
	struct service *s = load_relaxed(&t->cur);
	if (s == NULL || !load_acquire(&s->doomed))
		return INT64_MAX;
	struct watch *watch = &slots.watch[t->index];
	if (watch->doomed == s && now - watch->doomed_ns < slots.options.doomed_ns)
		return watch->doomed_ns + slots.options.doomed_ns;
	watch->doomed = s;
	watch->doomed_ns = now;
	worker_ask(w, epoch);
	return now + slots.options.retry_ns;
}

static int64_t watch_worker(struct worker *w, int64_t now)
{
	struct thread *t = load_relaxed(&w->thread);
	uint64_t word = t ? load_seq(&t->run) : 0; /* seq: see enter_body in sched/worker.c */
	uint64_t epoch = run_epoch_of(word);
	if (t == NULL || run_state_of(word) != RUN_BODY)
		return INT64_MAX;
	int64_t next = follow_doomed(w, t, epoch, now);
	if (load_relaxed(&t->wanted) == epoch)
		next = ns_min(next, follow_request(w, t, epoch, now));
	return next;
}

static void begin_watching_detached(struct watch *watch, struct thread *t, uint64_t epoch,
				    int64_t cpu, int64_t now)
{
	watch->epoch = epoch;
	watch->since_ns = now;
	watch->look_ns = now + DETACHED_MIN_NS;
	watch->backoff_ns = DETACHED_MIN_NS;
	watch->cpu_ns = cpu;
	watch->refused = load_relaxed(&t->refused);
}

/* A thread without a slot: as soon as its C call is through it is back in Lua, where it can be parked; in a C module that
 * computes it can be held. Asleep it is left alone; busy it is signalled at growing intervals. */
static int64_t watch_detached(struct thread *t, uint64_t epoch, int64_t now)
{
	struct watch *watch = &slots.watch[t->index];
	int64_t cpu = clock_cpu_ns(load_relaxed(&t->cpu_clock));
	if (watch->look_ns == 0 || watch->epoch != epoch)
		begin_watching_detached(watch, t, epoch, cpu, now);
	if (now < watch->look_ns)
		return watch->look_ns;
	struct service *s = load_relaxed(&t->cur);
	struct detached_age age = {
		.since_ns = now - watch->since_ns,
		.cpu_ns = accounts_detached_ns(t),
		.busy = cpu != watch->cpu_ns && !thread_is_asleep(t),
		.doomed = s && load_acquire(&s->doomed),
		.aside = s && load_relaxed(&s->aside),
		.refused = load_relaxed(&t->refused) != watch->refused,
	};
	if (rule_signal_detached(&age, slots.options.handoff_ns)) {
		store_relaxed(&t->wanted, epoch);
		thread_signal(t);
	}
	if (rule_slow_detached(&age))
		worker_slow_down(t, epoch);
	bool stuck = age.since_ns >= DETACHED_STUCK_NS;
	watch->backoff_ns =
		rule_backoff_ns(watch->backoff_ns, stuck ? DETACHED_MAX_NS : DETACHED_OFTEN_NS);
	watch->cpu_ns = cpu;
	watch->look_ns = now + watch->backoff_ns;
	return watch->look_ns;
}

static int64_t watch_all_detached(int64_t now)
{
	int64_t next = INT64_MAX;
	for (int i = 0; i < thread_count(); i++) {
		struct thread *t = thread_at(i);
		uint64_t word = load_seq(&t->run);
		if (run_state_of(word) == RUN_DETACHED)
			next = ns_min(next, watch_detached(t, run_epoch_of(word), now));
	}
	return next;
}

int64_t slots_pass(int64_t now, struct runq_due *due)
{
	int64_t next = INT64_MAX;
	if (!runq_due(&sched.queue, now, due))
		next = now + slots.options.retry_ns;
	if (due->woken >= 0)
		worker_act(&(struct runq_action){.kind = RUNQ_HANDED, .worker = due->woken}, now);
	for (int i = 0; i < due->asked; i++)
		worker_ask(&sched.worker[due->ask[i].worker], due->ask[i].epoch);
	/* Also one that has not entered the body yet: watch_worker does not see it there. */
	if (due->asked > 0)
		next = ns_min(next, now + slots.options.retry_ns);
	next = ns_min(next, due->look_again_ns);
	for (int i = 0; i < sched.options.workers; i++)
		next = ns_min(next, watch_worker(&sched.worker[i], now));
	next = ns_min(next, watch_all_detached(now));
	return ns_min(next, spares_pass(now));
}
