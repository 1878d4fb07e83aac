/* SPDX-License-Identifier: MIT
 *
 * Bounded mailboxes under fire: four producers of ordinary and control messages, two workers that hand the service to and
 * fro and shut and open its mailbox, in half of the rounds a killer; any policy. Whatever the interleaving: each message has
 * exactly one fate, and its producer knows it if it is not that it was handled; what one producer sends in one lane comes
 * in order; never more ordinary messages than places; who waits is told; nothing is left.
 *
 * stress_bound [seed [rounds]]
 */
#include "core/clock.h"
#include "core/mailbox.h"
#include "core/mem.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PRODUCERS = 4, WORKERS = 2, MOST_MESSAGES = 150, DEFAULT_ROUNDS = 400 };
#define HANG_NS (60 * NS_PER_S)

static struct mailbox box;
static sem_t ready; /* one post for each time the service was made ready */
static _Atomic int inside;
static _Atomic bool over;
static _Atomic int sending; /* producers that are not through */
/* Of each message, how many fates it has had. */
static _Atomic uint32_t fates[PRODUCERS][MOST_MESSAGES + 1];
static _Atomic int32_t told[PRODUCERS]; /* the ticket that has got a place, or -1: closed */
/* In all rounds: has this stress tried it? */
static uint64_t waits, withdrawn, dropped_old, refused;

/* The consumer's, handed from worker to worker by the mailbox and `ready`. */
static int32_t last[PRODUCERS + 1][2];
static bool shut;
static uint32_t ordinary_left; /* handled after all producers were through */

struct thread {
	pthread_t id;
	unsigned seed;
	uint32_t number;
	int32_t messages;
	uint64_t waits, withdrawn, dropped_old, refused;
};

static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "stress_bound: FAILED: %s\n", what);
	abort();
}

static void dawdle(unsigned *seed)
{
	int kind = rand_r(seed) % 64;
	if (kind == 0)
		sched_yield();
	for (volatile int i = 0; i < kind; i++)
		;
}

/* Its fate; frees it. */
static void decide(struct message *m)
{
	check(m->source <= PRODUCERS, "a strange message");
	if (m->source < PRODUCERS)
		add_relaxed(&fates[m->source][m->session], 1);
	message_free(m);
}

/* Until it is told, or has had enough. */
static void wait_for_place(struct thread *t, int32_t ticket)
{
	int64_t limit_ns = clock_mono_ns() + HANG_NS;
	int patience = rand_r(&t->seed) % 4 == 0 ? 100 : -1;
	t->waits++;
	for (;;) {
		int32_t answer = load_acquire(&told[t->number]); /* pairs with tell */
		if (answer == ticket || answer == -1)
			return;
		struct message *m =
			patience-- == 0 ? mailbox_withdraw(&box, t->number, ticket) : NULL;
		if (m != NULL) {
			t->withdrawn++;
			decide(m);
			return;
		}
		check(clock_mono_ns() < limit_ns, "somebody waits and is not told");
		sched_yield();
	}
}

static void send(struct thread *t, struct message *m)
{
	int32_t ticket = m->session;
	struct message *dropped;
	enum mailbox_pushed pushed = mailbox_offer(&box, m, &dropped);
	if (dropped != NULL) {
		check(!message_is_control(dropped), "a control message was dropped");
		t->dropped_old++;
		decide(dropped);
	}
	check(pushed != MAILBOX_FULL || !message_is_control(m), "a control message was refused");
	if (pushed == MAILBOX_FULL && box.bound->policy == BOUND_BLOCK)
		pushed = mailbox_wait(&box, m, t->number, ticket, true);
	if (pushed == MAILBOX_WOKE)
		sem_post(&ready);
	else if (pushed == MAILBOX_WAITS)
		wait_for_place(t, ticket);
	else if (pushed != MAILBOX_QUEUED)
		t->refused++, decide(m);
}

static void *produce(void *arg)
{
	struct thread *t = arg;
	for (int32_t i = 1; i <= t->messages; i++) {
		int type = rand_r(&t->seed) % 4 == 0 ? MESSAGE_RESPONSE : MESSAGE_LUA;
		send(t, message_new(t->number, type, i, NULL, 0));
		dawdle(&t->seed);
	}
	sub_acq_rel(&sending, 1);
	return NULL;
}

static void tell(struct bound_waiter *list, int32_t answer)
{
	while (list != NULL) {
		struct bound_waiter *w = list;
		list = w->next;
		/* Pairs with wait_for_place. */
		store_release(&told[w->owner], answer ? answer : w->ticket);
		if (w->message != NULL)
			decide(w->message);
		mem_free(w);
	}
}

static void receive(struct message *m, unsigned *seed)
{
	bool control = message_is_control(m);
	int32_t *before = &last[m->source][control];
	check(m->session > *before, "out of order or doubled");
	*before = m->session;
	check(control || !shut, "an ordinary message from a shut mailbox");
	ordinary_left += !control && load_acquire(&sending) == 0;
	if (control && shut)
		shut = false, mailbox_shut(&box, false);
	else if (!control && rand_r(seed) % 3 == 0)
		shut = true, mailbox_shut(&box, true);
	decide(m);
}

/* One turn of the service: some messages, then back to the queue or to rest. */
static void run_service(unsigned *seed)
{
	int budget = 1 + rand_r(seed) % 20;
	struct message *m = NULL;
	check(add_acq_rel(&inside, 1) == 0, "the service is on two workers");
	while (budget-- > 0 && (m = mailbox_pop(&box)) != NULL) {
		tell(mailbox_admitted(&box), 0);
		check(load_relaxed(&box.bound->taken) <= box.max, "more places than there are");
		receive(m, seed);
		dawdle(seed);
	}
	sub_acq_rel(&inside, 1);
	if (!mailbox_rest(&box) && !mailbox_is_closed(&box))
		sem_post(&ready);
}

static void *work(void *arg)
{
	struct thread *t = arg;
	for (;;) {
		sem_wait(&ready);
		if (load_acquire(&over)) /* acquires end_round() */
			return NULL;
		run_service(&t->seed);
	}
}

static void *kill_it(void *arg)
{
	struct thread *t = arg;
	int pauses = rand_r(&t->seed) % 200;
	while (pauses-- > 0)
		sched_yield();
	struct message *list = mailbox_close(&box, NULL);
	while (list != NULL) {
		struct message *m = list;
		list = m->next;
		decide(m);
	}
	tell(mailbox_take_waiters(&box), -1);
	return NULL;
}

static void start(struct thread *t, unsigned *seed, void *(*fn)(void *))
{
	t->seed = (unsigned)rand_r(seed);
	check(pthread_create(&t->id, NULL, fn, t) == 0, "no thread");
}

/* All producers may wait while the mailbox is shut: control messages of our own open it, until they are through and nothing
 * is left. */
static void open_to_the_end(void)
{
	int64_t limit_ns = clock_mono_ns() + HANG_NS;
	int32_t number = 0;
	while (load_acquire(&sending) > 0 ||
	       (!mailbox_is_closed(&box) && mailbox_length(&box) > 0)) {
		check(clock_mono_ns() < limit_ns, "messages wait and nobody was woken");
		struct message *m = message_new(PRODUCERS, MESSAGE_RESPONSE, ++number, NULL, 0);
		enum mailbox_pushed pushed = mailbox_push(&box, m);
		if (pushed == MAILBOX_WOKE)
			sem_post(&ready);
		else if (pushed == MAILBOX_REFUSED)
			message_free(m);
		for (int i = 0; i < 20; i++)
			sched_yield();
	}
}

static void end_round(struct thread *worker)
{
	store_release(&over, true); /* pairs with work() */
	for (int i = 0; i < WORKERS; i++)
		sem_post(&ready);
	for (int i = 0; i < WORKERS; i++)
		pthread_join(worker[i].id, NULL);
}

static void reset(unsigned *seed)
{
	enum bound_policy policy = (enum bound_policy)(rand_r(seed) % BOUND_POLICIES);
	mailbox_init(&box);
	mailbox_set_bound(&box, 1 + (uint32_t)rand_r(seed) % 12, policy);
	sem_init(&ready, 0, 0);
	store_relaxed(&over, false);
	store_relaxed(&sending, PRODUCERS);
	memset(last, 0, sizeof(last));
	memset(fates, 0, sizeof(fates));
	memset(told, 0, sizeof(told));
	shut = false;
	ordinary_left = 0;
}

static void judge(const struct thread *producer, bool with_killer)
{
	for (int i = 0; i < PRODUCERS; i++) {
		for (int32_t n = 1; n <= producer[i].messages; n++)
			check(load_relaxed(&fates[i][n]) == 1, "a message has no fate, or two");
		waits += producer[i].waits;
		withdrawn += producer[i].withdrawn;
		dropped_old += producer[i].dropped_old;
		refused += producer[i].refused;
	}
	check(load_relaxed(&box.bound->waiting) == 0, "somebody still waits");
	/* And the one that the worker had in its hands, whose place was free again. */
	check(ordinary_left <= box.max + 1, "there were more ordinary messages than places");
	if (!with_killer) {
		check(load_relaxed(&box.bound->taken) == 0, "a place was not given back");
		check(mailbox_length(&box) == 0, "the length is not 0 at the end");
	}
}

static void round_of(unsigned *seed, bool with_killer)
{
	struct thread producer[PRODUCERS] = {0}, worker[WORKERS] = {0}, killer = {0};
	reset(seed);
	for (uint32_t i = 0; i < PRODUCERS; i++) {
		producer[i].number = i;
		producer[i].messages = rand_r(seed) % (MOST_MESSAGES + 1);
		start(&producer[i], seed, produce);
	}
	for (int i = 0; i < WORKERS; i++)
		start(&worker[i], seed, work);
	if (with_killer)
		start(&killer, seed, kill_it);
	open_to_the_end();
	for (int i = 0; i < PRODUCERS; i++)
		pthread_join(producer[i].id, NULL);
	if (with_killer)
		pthread_join(killer.id, NULL);
	end_round(worker);
	judge(producer, with_killer);
	sem_destroy(&ready);
	mailbox_term(&box);
}

int main(int argc, char **argv)
{
	unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : (unsigned)clock_wall_ns();
	int rounds = argc > 2 ? atoi(argv[2]) : DEFAULT_ROUNDS;
	printf("stress_bound: seed %u, %d rounds\n", seed, rounds);
	fflush(stdout);
	for (int i = 0; i < rounds; i++)
		round_of(&seed, i % 2 == 1);
	printf("stress_bound: ok: %llu waited, %llu withdrawn, %llu dropped for a newer one, "
	       "%llu refused\n",
	       (unsigned long long)waits, (unsigned long long)withdrawn,
	       (unsigned long long)dropped_old, (unsigned long long)refused);
	check(rounds < DEFAULT_ROUNDS || (waits && withdrawn && dropped_old && refused),
	      "not everything was tried");
	return 0;
}
