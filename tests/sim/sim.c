/* SPDX-License-Identifier: MIT */
#include "sim/sim.h"
#include "core/atomics.h"
#include "core/mem.h"

#include <math.h>
#include <string.h>

enum event_kind {
	WAKE,
	HANDED,
	NEXT,
	END_OF_MESSAGE,
	STOP,
	HAND_OFF,
	REQUEUE,
	MONITOR,
	RETURN,
	SAMPLE
};

struct sim_event {
	int64_t at_ns;
	uint64_t number;
	enum event_kind kind;
	int worker;
	uint64_t stamp; /* epoch or segment that is meant */
	struct sim_service *s;
};

/* ---- chance ---- */

uint64_t sim_random(struct sim *sim)
{
	uint64_t z = sim->random += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

int64_t sim_between(struct sim *sim, int64_t low, int64_t high)
{
	return low + (int64_t)(sim_random(sim) % (uint64_t)(high - low + 1));
}

static double unit(struct sim *sim)
{
	return ((double)(sim_random(sim) >> 11) + 0.5) / 9007199254740992.0;
}

int64_t sim_log_between(struct sim *sim, int64_t low, int64_t high)
{
	return (int64_t)((double)low * pow((double)high / (double)low, unit(sim)));
}

int64_t sim_exponential(struct sim *sim, int64_t mean)
{
	return 1 + (int64_t)(-log(unit(sim)) * (double)mean);
}

void sim_times_add(struct sim_times *t, int64_t ns)
{
	int i = ns < 16 ? 0 : (int)(16 * (log2((double)ns) - 4)) + 1;
	t->bucket[i < SIM_BUCKETS ? i : SIM_BUCKETS - 1]++;
	t->count++;
	if (ns > t->max_ns)
		t->max_ns = ns;
}

int64_t sim_times_quantile(const struct sim_times *t, double q)
{
	int64_t want = (int64_t)ceil(q * (double)t->count), seen = 0;
	for (int i = 0; i < SIM_BUCKETS; i++) {
		seen += t->bucket[i];
		if (seen >= want)
			return (int64_t)exp2(4 + i / 16.0);
	}
	return t->max_ns;
}

/* ---- events ---- */

static bool event_before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->number < b->number);
}

static void at(struct sim *sim, struct sim_event e)
{
	if (sim->events == sim->event_room) {
		sim->event_room = sim->event_room ? 2 * sim->event_room : 256;
		sim->event = mem_realloc(sim->event, (size_t)sim->event_room * sizeof(e));
	}
	e.number = ++sim->event_number;
	int i = sim->events++;
	for (; i > 0 && event_before(&e, &sim->event[(i - 1) / 2]); i = (i - 1) / 2)
		sim->event[i] = sim->event[(i - 1) / 2];
	sim->event[i] = e;
}

static struct sim_event next_event(struct sim *sim)
{
	struct sim_event first = sim->event[0], last = sim->event[--sim->events];
	int i = 0;
	for (;;) {
		int child = 2 * i + 1;
		if (child >= sim->events)
			break;
		if (child + 1 < sim->events &&
		    event_before(&sim->event[child + 1], &sim->event[child]))
			child++;
		if (!event_before(&sim->event[child], &last))
			break;
		sim->event[i] = sim->event[child];
		i = child;
	}
	sim->event[i] = last;
	return first;
}

/* ---- the monitor, as in watchdog/monitor.c and slots.c ---- */

static void ring(struct sim *sim, int64_t by_ns)
{
	if (by_ns >= sim->monitor_due_ns)
		return;
	sim->monitor_due_ns = by_ns;
	int64_t from = by_ns > sim->now_ns ? by_ns : sim->now_ns;
	int64_t late = sim_between(sim, 0, sim->config.monitor_late_ns);
	at(sim, (struct sim_event){.at_ns = from + late, .kind = MONITOR});
}

/* Foreign code may take long; then the slot is taken away. */
static void ask(struct sim *sim, int worker, uint64_t epoch)
{
	struct sim_worker *w = &sim->worker[worker];
	if (w->wanted == epoch || w->running == NULL)
		return;
	w->wanted = epoch;
	bool foreign = sim_between(sim, 1, 100) <= sim->config.foreign_percent;
	int64_t delay =
		sim_exponential(sim, foreign ? sim->config.foreign_ns : sim->config.signal_ns);
	bool stuck = w->running->in_c || delay > sim->config.handoff_ns;
	at(sim, (struct sim_event){.at_ns = sim->now_ns + (stuck ? sim->config.handoff_ns : delay),
				   .kind = stuck ? HAND_OFF : STOP,
				   .worker = worker,
				   .stamp = epoch});
}

static void wake_worker(struct sim *sim, int worker)
{
	at(sim, (struct sim_event){.at_ns = sim->now_ns + sim->config.wake_idle_ns,
				   .kind = HANDED,
				   .worker = worker});
}

static bool is_asked(struct sim *sim, int worker)
{
	struct sim_worker *w = &sim->worker[worker];
	return w->running && w->wanted == running_epoch(&sim->queue.worker[worker].run);
}

static void monitor(struct sim *sim)
{
	if (sim->monitor_due_ns > sim->now_ns)
		return;
	sim->monitor_due_ns = INT64_MAX;
	sim->monitor_passes++;
	struct runq_due due;
	ensure(runq_due(&sim->queue, sim->now_ns, &due));
	if (due.woken >= 0)
		wake_worker(sim, due.woken);
	for (int i = 0; i < due.asked; i++)
		ask(sim, due.ask[i].worker, due.ask[i].epoch);
	for (int i = 0; i < sim->config.workers; i++)
		if (is_asked(sim, i))
			ring(sim, sim->now_ns + sim->config.monitor_retry_ns);
	ring(sim, due.look_again_ns);
}

/* ---- services and workers, as in worker.c ---- */

static void act(struct sim *sim, const struct runq_action *action)
{
	if (action->kind == RUNQ_HANDED) {
		wake_worker(sim, action->worker);
	} else if (action->kind == RUNQ_PREEMPT) {
		ask(sim, action->worker, action->epoch);
		ring(sim, sim->now_ns);
	} else {
		ring(sim, action->look_at_ns);
	}
}

static void put(struct sim *sim, struct sim_service *s, enum runq_how how)
{
	s->status = SIM_WAITING;
	struct runq_action action = runq_put(&sim->queue, &s->entry, how, sim->now_ns);
	act(sim, &action);
}

/* As sched_ready does it for a service that is woken by another one. */
static void call(struct sim *sim, int worker, struct sim_service *from)
{
	struct sim_service *s = from->calls;
	from->has_called = true;
	if (s->status != SIM_ASLEEP) {
		s->called = true;
		return;
	}
	bool soon = habit_is_trusted(&from->entry.habit) &&
		    sim->now_ns - sim->worker[worker].run_since_ns < 20000;
	sim->follows += soon;
	s->woke_ns = sim->now_ns;
	s->status = SIM_WAITING;
	struct runq_action action =
		runq_follow(&sim->queue, &s->entry, worker, soon, sim->now_ns);
	sim->worker[worker].owes |= soon && action.kind == RUNQ_QUEUED;
	act(sim, &action);
}

static void begin_segment(struct sim *sim, int worker, struct sim_service *s)
{
	if (s->left_ns == 0) {
		s->messages++;
		s->body(sim, s, &s->left_ns, &s->sleep_ns);
		ensure(s->left_ns > 0 && s->sleep_ns >= 0);
		s->has_called = false;
		if (s->calls && sim_between(sim, 0, 1))
			call(sim, worker, s);
	}
	s->since_ns = sim->now_ns;
	at(sim, (struct sim_event){.at_ns = sim->now_ns + s->left_ns,
				   .kind = END_OF_MESSAGE,
				   .worker = worker,
				   .stamp = ++sim->worker[worker].stamp});
}

static void end_segment(struct sim *sim, struct sim_service *s)
{
	int64_t used = sim->now_ns - s->since_ns;
	s->cpu_ns += used;
	s->left_ns -= used;
	s->since_ns = sim->now_ns;
}

static void start(struct sim *sim, int worker, struct runq_entry *e)
{
	struct sim_worker *w = &sim->worker[worker];
	struct sim_service *s = container_of(e, struct sim_service, entry);
	ensure(s->status == SIM_WAITING);
	sim->dispatches++;
	if (s->woke_ns >= 0 && s->wake_times)
		sim_times_add(s->wake_times, sim->now_ns - s->woke_ns);
	s->woke_ns = -1;
	s->status = SIM_RUNNING;
	w->running = s;
	w->run_since_ns = sim->now_ns;
	w->owes = false;
	const struct running *run = &sim->queue.worker[worker].run;
	bool waited_for = load_relaxed(&sim->queue.waiting) > 0;
	ring(sim, sim->now_ns + (waited_for ? running_unseen_ns(run) : 100000000));
	begin_segment(sim, worker, s);
}

static void fall_asleep(struct sim *sim, struct sim_service *s)
{
	s->status = SIM_ASLEEP;
	if (s->calls)
		return;
	at(sim, (struct sim_event){.at_ns = sim->now_ns + s->sleep_ns, .kind = WAKE, .s = s});
}

/* The service is off this worker, which will look for the next one. */
static void leave(struct sim *sim, int worker, struct sim_service *s)
{
	sim->worker[worker].running = NULL;
	sim->worker[worker].stamp++;
	bool goes_on = s->left_ns > 0 || s->sleep_ns == 0 || s->called;
	s->called = s->called && s->left_ns > 0;
	if (goes_on) {
		s->status = SIM_STOPPING;
		at(sim, (struct sim_event){.at_ns = sim->now_ns + sim->config.step_ns,
					   .kind = REQUEUE,
					   .s = s});
	} else {
		fall_asleep(sim, s);
	}
	at(sim, (struct sim_event){.at_ns = sim->now_ns + sim->config.switch_ns,
				   .kind = NEXT,
				   .worker = worker});
}

static bool turn_is_over(struct sim *sim, int worker)
{
	if (is_asked(sim, worker))
		return true;
	if (load_relaxed(&sim->queue.waiting) == 0)
		return false;
	int64_t ran_ns = sim->now_ns - sim->worker[worker].run_since_ns;
	if (ran_ns >= running_turn_ns(&sim->queue.worker[worker].run))
		return true;
	if (ran_ns < HABIT_SHORT_NS || !sim->worker[worker].owes)
		return false;
	int idle = runq_kick(&sim->queue);
	if (idle >= 0)
		wake_worker(sim, idle);
	return idle < 0;
}

static void note_habit(struct sim *sim, int worker, bool by_itself)
{
	struct habit *h = &sim->worker[worker].running->entry.habit;
	int64_t took_ns = sim->now_ns - sim->worker[worker].run_since_ns;
	if (took_ns >= running_turn_ns(&sim->queue.worker[worker].run))
		by_itself = false;
	sim->broken_trusts += habit_is_trusted(h) && took_ns >= HABIT_LONG_NS;
	habit_note(h, by_itself, took_ns);
}

static void end_of_message(struct sim *sim, int worker)
{
	struct sim_service *s = sim->worker[worker].running;
	end_segment(sim, s);
	if (s->sleep_ns == 0 && !turn_is_over(sim, worker)) {
		begin_segment(sim, worker, s);
		return;
	}
	note_habit(sim, worker, true);
	if (s->calls && !s->has_called)
		call(sim, worker, s);
	runq_stopped(&sim->queue, &s->entry, sim->now_ns, 0);
	leave(sim, worker, s);
}

static void stop(struct sim *sim, int worker)
{
	struct sim_service *s = sim->worker[worker].running;
	sim->preemptions++;
	s->preempted++;
	note_habit(sim, worker, false);
	end_segment(sim, s);
	runq_stopped(&sim->queue, &s->entry, sim->now_ns, 0);
	leave(sim, worker, s);
}

/* The rest of the message runs beside the workers and is charged afterwards. */
static void hand_off(struct sim *sim, int worker)
{
	struct sim_service *s = sim->worker[worker].running;
	sim->handoffs++;
	note_habit(sim, worker, false);
	end_segment(sim, s);
	runq_detached(&sim->queue, &s->entry, sim->now_ns);
	sim->worker[worker].running = NULL;
	sim->worker[worker].stamp++;
	s->status = SIM_DETACHED;
	at(sim, (struct sim_event){.at_ns = sim->now_ns + s->left_ns, .kind = RETURN, .s = s});
	at(sim, (struct sim_event){.at_ns = sim->now_ns + sim->config.wake_idle_ns,
				   .kind = NEXT,
				   .worker = worker});
}

static void come_back(struct sim *sim, struct sim_service *s)
{
	int64_t used = s->left_ns;
	end_segment(sim, s);
	runq_charge(&sim->queue, &s->entry, sim->now_ns, used);
	if (s->sleep_ns == 0)
		put(sim, s, RUNQ_RETURN);
	else
		fall_asleep(sim, s);
}

static void wake(struct sim *sim, struct sim_service *s)
{
	ensure(s->status == SIM_ASLEEP);
	sim->wakes++;
	s->woke_ns = sim->now_ns;
	put(sim, s, RUNQ_WAKE);
}

static void handle(struct sim *sim, const struct sim_event *e)
{
	struct sim_worker *w = &sim->worker[e->worker];
	struct runq_entry *entry;
	bool meant = w->running && running_epoch(&sim->queue.worker[e->worker].run) == e->stamp;
	switch (e->kind) {
	case WAKE:
		wake(sim, e->s);
		break;
	case REQUEUE:
		put(sim, e->s, RUNQ_REQUEUE);
		break;
	case NEXT:
		entry = runq_next(&sim->queue, e->worker, sim->now_ns);
		if (entry)
			start(sim, e->worker, entry);
		break;
	case HANDED:
		/* NULL: it was told to look for itself, and another one was faster. */
		entry = runq_handed(&sim->queue, e->worker, sim->now_ns);
		if (entry)
			start(sim, e->worker, entry);
		break;
	case END_OF_MESSAGE:
		if (w->running && w->stamp == e->stamp)
			end_of_message(sim, e->worker);
		break;
	case STOP:
		if (meant)
			stop(sim, e->worker);
		break;
	case HAND_OFF:
		if (meant)
			hand_off(sim, e->worker);
		break;
	case RETURN:
		come_back(sim, e->s);
		break;
	case MONITOR:
		monitor(sim);
		break;
	case SAMPLE:
		sim->sample(sim);
		at(sim,
		   (struct sim_event){.at_ns = sim->now_ns + sim->sample_every_ns, .kind = SAMPLE});
		break;
	}
}

/* ---- the whole ---- */

struct sim_config sim_config_usual(int workers)
{
	return (struct sim_config){
		.workers = workers,
		.min_run_ns = 50000,
		.step_ns = 300,
		.switch_ns = 1500,
		.wake_idle_ns = 8000,
		.signal_ns = 6000,
		.foreign_ns = 100000,
		.foreign_percent = 0,
		.handoff_ns = 2000000,
		.monitor_late_ns = 20000,
		.monitor_retry_ns = 100000,
	};
}

struct sim *sim_new(const struct sim_config *config, uint64_t seed)
{
	struct sim *sim = mem_zalloc(sizeof(*sim));
	ensure(config->workers <= (int)COUNT_OF(sim->worker) &&
	       config->step_ns < config->switch_ns);
	sim->config = *config;
	sim->seed = sim->random = seed;
	sim->monitor_due_ns = INT64_MAX;
	sim->idle_since_ns = -1;
	runq_init(&sim->queue, config->workers, config->shards, config->min_run_ns);
	for (int i = 0; i < config->workers; i++)
		at(sim, (struct sim_event){.kind = NEXT, .worker = i});
	return sim;
}

void sim_free(struct sim *sim)
{
	runq_term(&sim->queue);
	mem_free(sim->event);
	mem_free(sim);
}

struct sim_service *sim_add(struct sim *sim, sim_body *body, int64_t slice_ns, int32_t weight,
			    int64_t start_ns)
{
	ensure(sim->services < SIM_SERVICES_MAX);
	struct sim_service *s = &sim->service[sim->services++];
	s->body = body;
	s->woke_ns = -1;
	struct settings settings = {
		.slice_ns = slice_ns, .weight = weight, .credit_ns = FAIR_CREDIT_NS};
	runq_entry_init(&s->entry, &settings);
	at(sim, (struct sim_event){.at_ns = sim->now_ns + start_ns, .kind = WAKE, .s = s});
	return s;
}

void sim_join(struct sim *sim, struct sim_service *s, struct group *group,
	      const struct settings *settings)
{
	runq_change(&sim->queue, &s->entry, settings, group, sim->now_ns);
}

/* Is a worker idle, not handed anything, while somebody waits? */
static void watch_idle(struct sim *sim)
{
	if (idle_count(&sim->queue.idle) > 0 && load_relaxed(&sim->queue.waiting) > 0) {
		if (sim->idle_since_ns < 0)
			sim->idle_since_ns = sim->now_ns;
		return;
	}
	if (sim->idle_since_ns < 0)
		return;
	int64_t lasted = sim->now_ns - sim->idle_since_ns;
	sim->idle_since_ns = -1;
	sim->idle_beside_waiting_ns += lasted;
	if (lasted > sim->idle_beside_waiting_longest_ns)
		sim->idle_beside_waiting_longest_ns = lasted;
}

void sim_start_sampling(struct sim *sim)
{
	at(sim, (struct sim_event){.at_ns = sim->now_ns + sim->sample_every_ns, .kind = SAMPLE});
}

void sim_run(struct sim *sim, int64_t duration_ns)
{
	int64_t end = sim->now_ns + duration_ns;
	while (sim->events > 0 && sim->event[0].at_ns <= end) {
		struct sim_event e = next_event(sim);
		sim->now_ns = e.at_ns;
		handle(sim, &e);
		watch_idle(sim);
	}
	sim->now_ns = end;
}

int64_t sim_cpu_ns(const struct sim *sim, const struct sim_service *s)
{
	bool on = s->status == SIM_RUNNING || s->status == SIM_DETACHED;
	return s->cpu_ns + (on ? sim->now_ns - s->since_ns : 0);
}
