/* SPDX-License-Identifier: MIT */
#include "watchdog/slots.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/mem.h"
#include "sched/sched.h"
#include "watchdog/rules.h"

/* Between two looks at a detached thread: growing from the first to the second while it may only be in C too
 * often (allocating, raising errors), to the third when it is really stuck, which it is after the fourth. Then it
 * goes on at low priority; not sooner, for the lock of an allocator in the hands of a slow thread is everybody's
 * lock. */
static const int64_t DETACHED_MIN_NS = 100 * NS_PER_US, DETACHED_OFTEN_NS = NS_PER_MS,
		     DETACHED_MAX_NS = 50 * NS_PER_MS, DETACHED_STUCK_NS = 50 * NS_PER_MS;

/* Spares are made by another thread: it gets a moment before the alert. */
static const int64_t NO_SPARE_RETRY_NS = NS_PER_MS;
enum { NO_SPARE_TRIES = 100 };

/* What the monitor remembers of a thread; [i] belongs to thread_at(i). */
struct watch {
	uint64_t epoch; /* of the request that is followed, 0: none */
	int64_t asked_ns, signalled_ns;
	uint32_t refused; /* the thread's counter when the request was made */
	int64_t since_ns, look_ns, backoff_ns, cpu_ns; /* while it is detached */
	/* The killed service that was asked last, and when: outlives requests. */
	const struct service *doomed;
	int64_t doomed_ns;
};

static struct {
	struct slots_options options;
	struct watch *watch;
	int no_spare; /* tries in a row that found none */
} slots;

void slots_init(const struct slots_options *options, int max_threads)
{
	slots.options = *options;
	slots.watch = mem_zalloc((size_t)max_threads * sizeof(slots.watch[0]));
}

void slots_term(void)
{
	mem_free(slots.watch);
	slots.watch = NULL;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void signal_again(struct thread *t, struct watch *watch, int64_t now)
{
	watch->signalled_ns = now;
	thread_signal(t);
}

/* Without a spare the promise ends here; said once, since the state can last. */
static int64_t hand_off(struct worker *w, uint64_t epoch, int64_t now)
{
	static const char text[] =
		"error: spares_exhausted: no spare thread is left to take over a worker "
		"whose service is stuck in C code; raise `spares`";
	enum hand_off_result result = worker_hand_off(w, epoch);
	if (result == HAND_OFF_NO_SPARE && ++slots.no_spare == NO_SPARE_TRIES)
		log_write(0, text, sizeof(text) - 1);
	if (result == HAND_OFF_DONE)
		slots.no_spare = 0;
	return result == HAND_OFF_NO_SPARE ? now + NO_SPARE_RETRY_NS : now;
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
	};
	switch (rule_request(&age, slots.options.retry_ns, slots.options.handoff_ns)) {
	case REQUEST_SIGNAL:
		signal_again(t, watch, now);
		break;
	case REQUEST_HAND_OFF:
		return hand_off(w, epoch, now);
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
		next = earlier(next, follow_request(w, t, epoch, now));
	return next;
}

/* A thread without a slot: as soon as its C call is through it is back in Lua, where it can be parked.
 * Asleep it is left alone; busy it is signalled at growing intervals. */
static int64_t watch_detached(struct thread *t, uint64_t epoch, int64_t now)
{
	struct watch *watch = &slots.watch[t->index];
	int64_t cpu = clock_cpu_ns(t->cpu_clock);
	if (watch->look_ns == 0 || watch->epoch != epoch) {
		watch->epoch = epoch;
		watch->since_ns = now;
		watch->look_ns = now + DETACHED_MIN_NS;
		watch->backoff_ns = DETACHED_MIN_NS;
		watch->cpu_ns = cpu;
		return watch->look_ns;
	}
	if (now < watch->look_ns)
		return watch->look_ns;
	struct service *s = load_relaxed(&t->cur);
	bool doomed = s && load_acquire(&s->doomed); /* then its system call may be broken */
	bool busy = cpu != watch->cpu_ns && !thread_is_asleep(t);
	if (busy || doomed) {
		store_relaxed(&t->wanted, epoch);
		thread_signal(t);
	}
	bool stuck = now - watch->since_ns >= DETACHED_STUCK_NS;
	if (stuck)
		worker_slow_down(t, epoch);
	watch->backoff_ns = rule_backoff_ns(watch->backoff_ns, false, DETACHED_MIN_NS,
					    stuck ? DETACHED_MAX_NS : DETACHED_OFTEN_NS);
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
			next = earlier(next, watch_detached(t, run_epoch_of(word), now));
	}
	return next;
}

int64_t slots_pass(int64_t now, struct runq_due *due)
{
	int64_t next = INT64_MAX;
	if (!runq_due(&sched.queue, now, due))
		next = now + slots.options.retry_ns;
	for (int i = 0; i < due->asked; i++)
		worker_ask(&sched.worker[due->ask[i].worker], due->ask[i].epoch);
	/* Also one that has not entered the body yet: watch_worker does not see it there. */
	if (due->asked > 0)
		next = earlier(next, now + slots.options.retry_ns);
	next = earlier(next, due->look_again_ns);
	for (int i = 0; i < sched.options.workers; i++)
		next = earlier(next, watch_worker(&sched.worker[i], now));
	return earlier(next, watch_all_detached(now));
}
