/* SPDX-License-Identifier: MIT
 *
 * Three producers, two workers that hand one service to and fro, and in half of the rounds a
 * killer. Whatever the interleaving: no message is lost or doubled, each producer's come in order,
 * the service is never on two workers, and it ends at rest with nothing queued (a lost wake-up
 * would leave something).
 *
 * stress_mailbox [seed [rounds]]
 */
#include "core/mailbox.h"
#include "core/clock.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#define PRODUCERS      3
#define WORKERS        2
#define MOST_MESSAGES  200
#define HANG_NS        (60 * NS_PER_S)
#define DEFAULT_ROUNDS 500

static struct mailbox box;
static sem_t ready; /* one post for each time the service was made ready */
static _Atomic int inside;
static _Atomic uint32_t popped_total;
static _Atomic bool over;

/* The consumer's, handed from worker to worker by the mailbox and `ready`. */
static uint32_t next_of[PRODUCERS];

struct thread {
	pthread_t id;
	unsigned seed;
	uint32_t number;
	uint32_t messages;
	uint32_t accepted; /* they are the first ones, since closing is for good */
	struct message *drained;
};

static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "stress_mailbox: FAILED: %s\n", what);
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

static void *produce(void *arg)
{
	struct thread *t = arg;
	bool refused = false;
	for (uint32_t i = 0; i < t->messages; i++) {
		struct message *m = message_new(t->number, MESSAGE_LUA, (int32_t)i, NULL, 0);
		switch (mailbox_push(&box, m)) {
		case MAILBOX_WOKE:
			sem_post(&ready); /* fall through */
		case MAILBOX_QUEUED:
			check(!refused, "a closed mailbox took a message");
			t->accepted++;
			break;
		case MAILBOX_REFUSED:
			refused = true;
			message_free(m);
			break;
		case MAILBOX_FULL:
		case MAILBOX_WAITS:
			check(false, "a mailbox without a bound is full");
		}
		dawdle(&t->seed);
	}
	return NULL;
}

static void receive(struct message *m)
{
	check(m->source < PRODUCERS, "a strange message");
	check((uint32_t)m->session == next_of[m->source], "out of order, lost or doubled");
	next_of[m->source]++;
	message_free(m);
}

/* One turn of the service: some messages, then back to the queue or to rest. */
static void run_service(unsigned *seed)
{
	int budget = 1 + rand_r(seed) % 20;
	struct message *m = NULL;
	check(add_acq_rel(&inside, 1) == 0, "the service is on two workers");
	while (budget-- > 0 && (m = mailbox_pop(&box)) != NULL) {
		receive(m);
		add_relaxed(&popped_total, 1);
		dawdle(seed);
	}
	sub_acq_rel(&inside, 1);
	if (m != NULL || (!mailbox_rest(&box) && !mailbox_is_closed(&box)))
		sem_post(&ready);
}

/* Spins first, so that the worker is awake and resting again when the next message comes. */
static void wait_ready(void)
{
	for (int i = 0; i < 2000; i++) {
		if (sem_trywait(&ready) == 0)
			return;
	}
	sem_wait(&ready);
}

static void *work(void *arg)
{
	struct thread *t = arg;
	for (;;) {
		wait_ready();
		if (load_acquire(&over)) /* acquires end_round() */
			return NULL;
		run_service(&t->seed);
	}
}

static void *kill_it(void *arg)
{
	struct thread *t = arg;
	uint32_t after = (uint32_t)rand_r(&t->seed) % (MOST_MESSAGES * PRODUCERS / 2);
	int64_t patience_ns = clock_mono_ns() + 2 * NS_PER_MS;
	while (load_relaxed(&popped_total) < after && clock_mono_ns() < patience_ns)
		sched_yield();
	t->drained = mailbox_close(&box, NULL);
	check(mailbox_is_closed(&box), "closed, but does not say so");
	check(mailbox_close(&box, NULL) == NULL, "something came after closing");
	return NULL;
}

static void start(struct thread *t, unsigned *seed, void *(*fn)(void *))
{
	t->seed = (unsigned)rand_r(seed);
	check(pthread_create(&t->id, NULL, fn, t) == 0, "no thread");
}

static void wait_for(uint32_t expected)
{
	int64_t limit_ns = clock_mono_ns() + HANG_NS;
	while (load_relaxed(&popped_total) < expected) {
		check(clock_mono_ns() < limit_ns, "messages wait and nobody was woken");
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

static void round_of(unsigned *seed, bool with_killer)
{
	struct thread producer[PRODUCERS] = {0}, worker[WORKERS] = {0}, killer = {0};
	uint32_t accepted = 0, drained = 0;
	mailbox_init(&box);
	sem_init(&ready, 0, 0);
	store_relaxed(&over, false);
	store_relaxed(&popped_total, 0);
	for (uint32_t i = 0; i < PRODUCERS; i++) {
		next_of[i] = 0;
		producer[i].number = i;
		producer[i].messages = (uint32_t)rand_r(seed) % (MOST_MESSAGES + 1);
		start(&producer[i], seed, produce);
	}
	for (int i = 0; i < WORKERS; i++)
		start(&worker[i], seed, work);
	if (with_killer)
		start(&killer, seed, kill_it);
	for (int i = 0; i < PRODUCERS; i++) {
		pthread_join(producer[i].id, NULL);
		accepted += producer[i].accepted;
	}
	if (with_killer)
		pthread_join(killer.id, NULL);
	for (struct message *m = killer.drained; m != NULL; m = m->next)
		drained++;
	wait_for(accepted - drained);
	end_round(worker);
	for (struct message *next, *m = killer.drained; m != NULL; m = next) {
		next = m->next;
		receive(m); /* continues where the consumer was stopped */
	}
	for (int i = 0; i < PRODUCERS; i++)
		check(next_of[i] == producer[i].accepted, "not all that was accepted came out");
	check(mailbox_length(&box) == 0, "the length is not 0 at the end");
	check(mailbox_pop(&box) == NULL, "something is left");
	sem_destroy(&ready);
}

int main(int argc, char **argv)
{
	unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : (unsigned)clock_wall_ns();
	int rounds = argc > 2 ? atoi(argv[2]) : DEFAULT_ROUNDS;
	printf("stress_mailbox: seed %u, %d rounds\n", seed, rounds);
	fflush(stdout);
	for (int i = 0; i < rounds; i++)
		round_of(&seed, i % 2 == 1);
	printf("stress_mailbox: ok\n");
	return 0;
}
