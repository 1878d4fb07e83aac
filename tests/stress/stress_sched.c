/* SPDX-License-Identifier: MIT
 *
 * The scheduler with bodies in C instead of Lua: actors that send each other messages and requests, answer
 * at once, later or never, set timers, make others, kill others or themselves, and now and then sleep or
 * spin long enough to lose the worker's slot, or step aside. Those that spin in a C module are held, and go on
 * in turns. Threads from outside send and kill too.
 *
 * Some actors are immortal until the end. The rest follows from the rules: what is sent to them arrives once
 * and in order; each of their requests gets exactly one answer, a response or an error, also when the one
 * they asked is dead; each timer fires once and not early. No actor is ever on two threads, each that was
 * made is closed once. What the C module computes comes out the same.
 *
 * stress_sched [seed [messages a round]]
 */
#include "tests/stress/kit.h"
#include "tests/stress/module.h"
#include "core/clock.h"
#include "core/mem.h"
#include "core/stack.h"
#include "core/timer.h"
#include "sched/accounts.h"
#include "sched/hold.h"
#include "watchdog/monitor.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	IMMORTALS = 24,
	OUTSIDERS = 2,
	SENDERS = IMMORTALS + OUTSIDERS, /* whose messages are numbered */
	NOBODY = SENDERS,                /* a mortal as sender */
	SPINNER,                         /* computes in the C module until it is killed */
	SPINNERS = 6,
	BOOK = 512,                      /* handles that are known, many of them dead */
	LATER_MAX = 16,
	TIMERS_MAX = 32,
	LIVING_MAX = 1500,
	SPARES = 8,
	TIMER_SESSION = 0x40000000,
	SLICE_NS = 200 * 1000,
	SPINS = 8, /* lengths of what the module computes */
};

static const int64_t PATIENCE_NS = 60 * NS_PER_S;

/* ---- tickets: what became of each message ---- */

enum fate { UNSENT, SENT, REFUSED, DELIVERED };

struct ticket {
	_Atomic int fate, answers;
	/* The sender's, before it is sent. */
	uint32_t sender;
	bool request, to_immortal;
};

struct payload {
	uint32_t ticket, sender, sequence;
};

static struct ticket *tickets;
static uint32_t tickets_count;
static _Atomic uint32_t tickets_used;

/* ---- actors ---- */

struct later {
	uint32_t source;
	int32_t session;
};

/* Everything but `inside` and the atomics is of whoever runs it. */
struct actor {
	uint32_t number; /* < IMMORTALS: one of those; else NOBODY */
	uint64_t random;
	_Atomic int inside;
	uint32_t sequence;
	uint32_t seen[SENDERS]; /* last number of each sender */
	struct later later[LATER_MAX];
	int laters;
	int32_t timer;
	int64_t due_ns[TIMERS_MAX];
	_Atomic int waits, timers; /* requests and timers that are open */
};

static struct actor *immortal[IMMORTALS];
static uint32_t immortal_handle[IMMORTALS];
static _Atomic uint32_t book[BOOK];
static _Atomic bool draining;
static _Atomic uint64_t made, closed, errors, responses, dawdled, fired, spun, aside;
static void (*spin)(void *);
static struct module_spin right[SPINS];
static uint64_t all_spun, all_holds, all_aside; /* of all rounds */

static const struct service_body body;

static uint32_t make_actor(uint32_t number, uint64_t seed, uint32_t creator)
{
	struct service *s = service_new(&body, number < IMMORTALS ? "immortal" : "mortal", creator,
					&(struct settings){.slice_ns = SLICE_NS,
							     .weight = number == SPINNER ? 30 : 100});
	struct actor *a = mem_zalloc(sizeof(*a));
	a->number = number;
	a->random = seed | 1;
	s->state = a;
	if (number < IMMORTALS)
		immortal[number] = a;
	add_relaxed(&made, 1);
	uint32_t handle = service_publish(s);
	check(handle != 0, "no handle");
	return handle;
}

static void note(uint32_t handle, uint64_t *random)
{
	store_relaxed(&book[kit_random(random) % BOOK], handle);
}

static uint32_t somebody(uint64_t *random, bool *is_immortal)
{
	uint32_t handle = 0;
	*is_immortal = kit_random(random) % 3 == 0;
	if (!*is_immortal)
		handle = load_relaxed(&book[kit_random(random) % BOOK]);
	if (handle)
		return handle;
	*is_immortal = true;
	return immortal_handle[kit_random(random) % IMMORTALS];
}

/* `waits`: counts the requests of an immortal. */
static void send_one(uint32_t self, uint32_t sender, uint32_t *sequence, uint64_t *random,
		     _Atomic int *waits)
{
	uint32_t n = add_relaxed(&tickets_used, 1);
	if (n >= tickets_count)
		return;
	struct ticket *t = &tickets[n];
	struct payload *p = mem_alloc(sizeof(*p));
	uint32_t dest = somebody(random, &t->to_immortal);
	t->sender = sender;
	t->request = self != 0 && kit_random(random) % 3 == 0;
	*p = (struct payload){n, sender, ++*sequence};
	if (t->request && waits)
		add_relaxed(waits, 1);
	bool request = t->request;
	store_release(&t->fate, SENT);
	if (sched_post(self, dest, MESSAGE_LUA, request ? (int32_t)n + 1 : 0, p, sizeof(*p)))
		return;
	check(exchange_acq_rel(&t->fate, REFUSED) == SENT, "refused and delivered");
	check(!t->to_immortal, "an immortal refuses a message");
	if (request && waits)
		sub_relaxed(waits, 1);
}

static void answer(struct service *s, uint32_t source, int32_t session)
{
	/* Who kills us answers what is open; one of us finds it. */
	if (requests_forget(&s->open, source, session))
		sched_post(service_handle(s), source, MESSAGE_RESPONSE, session, NULL, 0);
}

static void answer_later(struct service *s, struct actor *a, int keep)
{
	while (a->laters > keep) {
		struct later l = a->later[--a->laters];
		answer(s, l.source, l.session);
	}
}

static void take_request(struct service *s, struct actor *a, const struct message *m)
{
	uint32_t what = kit_random(&a->random) % 8;
	if (what < 4 || a->laters == LATER_MAX || load_acquire(&draining))
		answer(s, m->source, m->session);
	else if (what < 7 || a->number < IMMORTALS)
		a->later[a->laters++] = (struct later){m->source, m->session};
	/* else never: it gets its error when we are killed */
}

static void take_message(struct service *s, struct actor *a, const struct message *m)
{
	const struct payload *p = m->data;
	struct ticket *t = &tickets[p->ticket];
	check(m->size_bytes == sizeof(*p) && p->ticket < tickets_count, "a strange message");
	check(exchange_acq_rel(&t->fate, DELIVERED) == SENT, "delivered twice");
	if (p->sender < SENDERS) {
		check(p->sequence > a->seen[p->sender], "out of order");
		a->seen[p->sender] = p->sequence;
	}
	check(!t->to_immortal || a->number < IMMORTALS, "delivered to somebody else");
	if (message_is_request(m))
		take_request(s, a, m);
}

static void take_timer(struct actor *a, int32_t session)
{
	int64_t *due = &a->due_ns[session & (TIMERS_MAX - 1)];
	check(*due != 0, "a timer fired twice");
	check(clock_mono_ns() >= *due, "a timer fired early");
	*due = 0;
	add_relaxed(&fired, 1);
	sub_acq_rel(&a->timers, 1);
}

static void take_answer(struct actor *a, const struct message *m)
{
	if (m->session & TIMER_SESSION) {
		take_timer(a, m->session);
		return;
	}
	uint32_t n = (uint32_t)m->session - 1;
	check(n < tickets_count && tickets[n].request, "an answer to nothing");
	check(tickets[n].sender == a->number, "somebody else's answer");
	check(add_acq_rel(&tickets[n].answers, 1) == 0, "answered twice");
	add_relaxed(m->type == MESSAGE_ERROR ? &errors : &responses, 1);
	sub_acq_rel(&a->waits, 1);
}

/* Long enough to be handed off. */
static void dawdle(struct actor *a)
{
	uint32_t us = 1500 + kit_random(&a->random) % 4000;
	add_relaxed(&dawdled, 1);
	if (kit_random(&a->random) % 2) {
		usleep(us);
		return;
	}
	int64_t until = clock_mono_ns() + us * NS_PER_US;
	while (clock_mono_ns() < until)
		;
}

/* In a C module: stopped there again and again. */
static void compute(struct service *s, struct actor *a)
{
	const struct module_spin *wanted = &right[kit_random(&a->random) % SPINS];
	struct module_spin mine = {.turns = wanted->turns};
	add_relaxed(&spun, 1);
	stack_call_marked(spin, &mine, &s->mark);
	s->mark = 0;
	check(mine.sum == wanted->sum, "the module has computed something else");
}

static uint64_t dispatch(void)
{
	return run_epoch_of(load_acquire(&thread_self()->run));
}

/* Back means: it was given a slot, or runs slowly without one. The slot may be lost again before we look. */
static void step_aside(struct service *s, struct actor *a)
{
	bool is_aside = hold_step_aside();
	uint64_t before = dispatch();
	if (is_aside)
		add_relaxed(&aside, 1);
	if (kit_random(&a->random) % 2)
		usleep(kit_random(&a->random) % 500);
	else
		compute(s, a);
	hold_come_back();
	bool is_back = dispatch() != before || load_relaxed(&thread_self()->slowed);
	check(!is_aside || is_back, "back without a slot");
}

static void set_timer(struct service *s, struct actor *a)
{
	int32_t session = ++a->timer & (TIMERS_MAX - 1);
	if (a->due_ns[session] != 0)
		return;
	a->due_ns[session] = clock_mono_ns() + kit_random(&a->random) % (2 * NS_PER_MS);
	add_relaxed(&a->timers, 1);
	timer_add(a->due_ns[session], service_handle(s), TIMER_SESSION | session);
}

static void kill_somebody(uint64_t *random)
{
	uint32_t handle = load_relaxed(&book[kit_random(random) % BOOK]);
	struct service *s = handle ? service_grab(handle) : NULL;
	if (s) {
		sched_doom(s);
		service_release(s);
	}
}

static void act(struct service *s, struct actor *a)
{
	uint32_t self = service_handle(s), what = kit_random(&a->random) % 1024;
	for (int i = kit_random(&a->random) % 3; i > 0; i--)
		send_one(self, a->number, &a->sequence, &a->random, &a->waits);
	if (what < 100)
		set_timer(s, a);
	else if (what < 200 && service_living() < LIVING_MAX)
		note(make_actor(NOBODY, kit_random(&a->random), self), &a->random);
	else if (what < 215)
		kill_somebody(&a->random);
	else if (what < 230 && a->number == NOBODY)
		sched_doom(s);
	else if (what < 233)
		dawdle(a);
	else if (what < 237)
		compute(s, a);
	else if (what < 243)
		step_aside(s, a);
	if (kit_random(&a->random) % 4 == 0)
		answer_later(s, a, a->laters / 2);
}

static void deliver(struct service *s, struct message *m)
{
	struct actor *a = s->state;
	check(add_acq_rel(&a->inside, 1) == 0, "an actor is on two threads");
	bool over = load_acquire(&draining);
	if (a->number == SPINNER) {
		compute(s, a);
		if (!over)
			sched_post(0, service_handle(s), MESSAGE_TEXT, 0, NULL, 0);
		over = true;
	} else if (m->type == MESSAGE_LUA)
		take_message(s, a, m);
	else if (m->type == MESSAGE_RESPONSE || m->type == MESSAGE_ERROR)
		take_answer(a, m);
	if (over)
		answer_later(s, a, 0);
	else
		act(s, a);
	message_free(m);
	sub_acq_rel(&a->inside, 1);
}

static void close_actor(struct service *s)
{
	struct actor *a = s->state;
	check(load_acquire(&s->doomed), "closed, but not killed");
	check(add_acq_rel(&a->inside, 1) == 0, "closed while it runs");
	if (kit_random(&a->random) % 200 == 0)
		dawdle(a);
	else if (kit_random(&a->random) % 200 == 0)
		compute(s, a);
	s->state = NULL;
	mem_free(a);
	add_relaxed(&closed, 1);
}

static void abandon(struct service *s)
{
	check(s == NULL, "abandoned, but never parked");
}

static void interrupt(struct service *s, enum interrupt_why why, uintptr_t pc, enum park_tier tier)
{
	(void)s, (void)why, (void)pc, (void)tier;
}

static enum parked_fate fate_of(struct service *s, enum park_tier tier, bool late)
{
	(void)tier;
	check(s == NULL, "parked in C code");
	return FATE_RUN_ON;
}

static const struct service_body body = {
	.kind = "actor",
	.deliver = deliver,
	.close = close_actor,
	.abandon = abandon,
	.interrupt = interrupt,
	.fate = fate_of,
};

/* ---- threads from outside ---- */

struct outsider {
	pthread_t thread;
	uint32_t number;
	uint64_t random;
};

static void change_somebody(uint64_t *random)
{
	uint32_t handle = load_relaxed(&book[kit_random(random) % BOOK]);
	struct service *s = handle ? service_grab(handle) : NULL;
	if (s == NULL)
		return;
	struct settings settings = {
		.class = CLASS_NORMAL,
		.group = kit_random(random) % 2 == 0,
		.slice_ns = SLICE_NS / 2 + kit_random(random) % SLICE_NS,
		.credit_ns = kit_random(random) % NS_PER_MS,
		.weight = 1 + (int32_t)(kit_random(random) % 1000),
	};
	sched_change(s, &settings);
	service_release(s);
}

static void audit_somebody(uint64_t *random)
{
	uint32_t handle = load_relaxed(&book[kit_random(random) % BOOK]);
	struct service *s = handle ? service_grab(handle) : NULL;
	kit_check_accounts();
	if (s == NULL)
		return;
	int64_t first = accounts_cpu_ns(s), second = accounts_cpu_ns(s);
	check(first >= 0 && second >= first, "CPU time goes back");
	service_release(s);
}

static void *intrude(void *arg)
{
	struct outsider *o = arg;
	uint32_t sequence = 0;
	while (load_relaxed(&tickets_used) < tickets_count) {
		uint32_t what = kit_random(&o->random) % 64;
		send_one(0, o->number, &sequence, &o->random, NULL);
		if (what == 0)
			note(make_actor(NOBODY, kit_random(&o->random), 0), &o->random);
		else if (what == 1)
			kill_somebody(&o->random);
		else if (what == 2)
			change_somebody(&o->random);
		else if (what == 3)
			audit_somebody(&o->random);
		else if (what < 16)
			usleep(50);
	}
	return NULL;
}

/* ---- a round ---- */

static void kill_mortals(void)
{
	size_t count;
	struct service **list = sched_services(&count);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(list[i]->name, "mortal") == 0)
			sched_doom(list[i]);
		service_release(list[i]);
	}
	mem_free(list);
}

/* All mortals are dead, nobody makes new ones: everything that is open must come to its end. */
static void settle(void)
{
	int64_t limit_ns = clock_mono_ns() + PATIENCE_NS;
	for (int i = 0; i < IMMORTALS; i++)
		sched_post(0, immortal_handle[i], MESSAGE_SYSTEM, 0, NULL, 0);
	for (int i = 0; i < IMMORTALS; i++) {
		struct actor *a = immortal[i];
		while (load_acquire(&a->waits) > 0 || load_acquire(&a->timers) > 0) {
			check(clock_mono_ns() < limit_ns, "%d answers and %d timers never come",
			      load_relaxed(&a->waits), load_relaxed(&a->timers));
			usleep(200);
		}
		check(load_acquire(&a->waits) == 0, "more answers than requests");
	}
}

static bool undelivered(void)
{
	for (uint32_t i = 0; i < tickets_count; i++)
		if (load_acquire(&tickets[i].fate) == SENT && tickets[i].to_immortal)
			return true;
	return false;
}

static void judge_tickets(void)
{
	uint64_t count[4] = {0};
	int64_t limit_ns = clock_mono_ns() + PATIENCE_NS;
	while (undelivered()) {
		check(clock_mono_ns() < limit_ns, "a message to an immortal was lost");
		usleep(1000);
	}
	for (uint32_t i = 0; i < tickets_count; i++) {
		const struct ticket *t = &tickets[i];
		int fate = load_acquire(&t->fate), answers = load_acquire(&t->answers);
		check(fate != UNSENT, "a ticket was not used");
		count[fate]++;
		if (t->request && t->sender < IMMORTALS)
			check(answers == (fate != REFUSED), "%d answers to a request", answers);
		else
			check(answers <= (t->request && fate != REFUSED), "too many answers");
	}
	printf("%llu messages arrived, %llu were refused, %llu died with the receiver; ",
	       (unsigned long long)count[DELIVERED], (unsigned long long)count[REFUSED],
	       (unsigned long long)count[SENT]);
	check(count[DELIVERED] > tickets_count / 4 && count[SENT] > 0, "not much happened");
}

static void populate(uint64_t *random)
{
	for (uint32_t i = 0; i < BOOK; i++)
		store_relaxed(&book[i], 0);
	for (uint32_t i = 0; i < IMMORTALS; i++)
		immortal_handle[i] = make_actor(i, kit_random(random), 0);
	for (int i = 0; i < 100; i++)
		note(make_actor(NOBODY, kit_random(random), 0), random);
	for (int i = 0; i < SPINNERS; i++)
		sched_post(0, make_actor(SPINNER, kit_random(random), 0), MESSAGE_TEXT, 0, NULL, 0);
}

static void kill_immortals(void)
{
	for (int i = 0; i < IMMORTALS; i++) {
		struct service *s = service_grab(immortal_handle[i]);
		check(s != NULL, "an immortal has died");
		sched_doom(s);
		service_release(s);
	}
	kit_wait_living(0);
}

static void reset(uint32_t messages)
{
	tickets = mem_zalloc(messages * sizeof(*tickets));
	tickets_count = messages;
	store_relaxed(&tickets_used, 0);
	store_relaxed(&draining, false);
	_Atomic uint64_t *figure[] = {&made, &closed, &errors, &responses, &dawdled, &fired, &spun, &aside};
	for (size_t i = 0; i < COUNT_OF(figure); i++)
		store_relaxed(figure[i], 0);
}

static void bustle(uint64_t *random)
{
	struct outsider outsider[OUTSIDERS];
	for (uint32_t i = 0; i < OUTSIDERS; i++) {
		outsider[i].number = IMMORTALS + i;
		outsider[i].random = kit_random(random) | 1u;
		check(pthread_create(&outsider[i].thread, NULL, intrude, &outsider[i]) == 0,
		      "no thread");
	}
	for (int i = 0; i < OUTSIDERS; i++)
		pthread_join(outsider[i].thread, NULL);
	store_release(&draining, true);
	/* Whoever is in the middle of a message may still be making somebody. */
	do {
		kill_mortals();
		usleep(1000);
	} while (service_living() > IMMORTALS);
}

static void round_of(int workers, int shards, uint32_t messages, uint64_t *random)
{
	struct monitor_options options = {.restore_ns = NS_PER_S, .handoff_ns = 300 * NS_PER_US};
	/* The rules at work, not their judgement, which nobody reads here. */
	for (int i = 0; i < RULE_KINDS; i++)
		options.limit[i] = rule_table[i].limit;
	int64_t begin = clock_mono_ns();
	reset(messages);
	kit_start(workers, shards, SPARES, NULL);
	monitor_start(&options);
	spin = (void (*)(void *))kit_module_function("module_spin");
	populate(random);
	bustle(random);
	settle();
	printf("%d workers, %d shards: ", workers, sched.queue.shards);
	judge_tickets();
	kill_immortals();
	uint64_t hand_offs = load_relaxed(&sched.handoffs), holds = load_relaxed(&sched.holds);
	check(load_relaxed(&made) == load_relaxed(&closed), "not all that were made were closed");
	check(hand_offs > 0, "nobody was handed off");
	all_aside += load_relaxed(&aside);
	all_spun += load_relaxed(&spun);
	all_holds += holds;
	check(load_relaxed(&sched.queue.starved) == 0, "the backstop had to help");
	monitor_stop();
	kit_stop();
	mem_free(tickets);
	printf("%llu actors, %llu responses, %llu errors, %llu timers, %llu dawdled, %llu "
	       "hand-offs, %llu computed, %llu holds, %llu aside, %.1f s\n",
	       (unsigned long long)made, (unsigned long long)responses, (unsigned long long)errors,
	       (unsigned long long)fired, (unsigned long long)dawdled,
	       (unsigned long long)hand_offs, (unsigned long long)spun, (unsigned long long)holds,
	       (unsigned long long)aside, (double)(clock_mono_ns() - begin) / NS_PER_S);
	fflush(stdout);
}

/* One heap for all, and one for each as with many workers. */
static const struct {
	int workers, shards;
} rounds[] = {{1, 1}, {2, 1}, {4, 1}, {3, 3}, {4, 4}};

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)clock_wall_ns();
	uint32_t messages = WITH_TSAN || WITH_ASAN ? 40000 : 200000;
	uint64_t random = seed | 1;
	if (argc > 2)
		messages = (uint32_t)strtoul(argv[2], NULL, 0);
	printf("stress_sched: seed %llu, %u messages a round\n", (unsigned long long)seed,
	       messages);
	fflush(stdout);
	for (uint32_t i = 0; i < SPINS; i++) {
		right[i].turns = 300000 * (i + 1);
		module_spin(&right[i]); /* our own copy: the module must not be loaded yet */
	}
	for (size_t i = 0; i < COUNT_OF(rounds); i++)
		round_of(rounds[i].workers, rounds[i].shards, messages, &random);
	/* Who computes for long is held, more than once even, where somebody waits; on a fast machine many are through
	 * before that. */
	check(all_holds > all_spun / 10, "hardly anybody was held: %llu times, %llu computed",
	      (unsigned long long)all_holds, (unsigned long long)all_spun);
	check(all_aside > 0, "nobody stepped aside");
	printf("stress_sched: ok\n");
	return 0;
}
