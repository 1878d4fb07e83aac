/* SPDX-License-Identifier: MIT
 *
 * Four threads register, find and retire a small pool of objects that are recycled all the time. In
 * every second round only 300 numbers are left to give, so that they come again soon and stale
 * lookups meet recycled objects. Whatever the interleaving: a found object is the one asked for and
 * is not recycled while it is held, each registration is retired once and each object comes back to
 * the pool once.
 *
 * stress_handle [seed [rounds]]
 */
#include "core/handle.h"
#include "core/clock.h"
#include "core/lock.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS        4
#define OBJECTS        100
#define RECENT         64
#define STEPS          20000
#define NUMBERS_LEFT   300u
#define DEFAULT_ROUNDS 100

struct thing {
	struct object object;
	/* Written by its owner while nobody else can hold it; unequal exactly while it is in the
	 * pool. */
	uint32_t tag, copy;
	struct thing *next_free;
	_Atomic uint32_t lives;
};

/* Under `lock`. */
static struct lock lock;
static struct thing *pool;
static uint32_t pool_count;

static struct thing things[OBJECTS];
static _Atomic uint32_t recent[RECENT]; /* handles given out lately, many of them dead */

/* With few numbers left one may be given to another object between our look and our retiring it, which then is the
 * other's: who retires does both under this lock. (Of all 2^24 numbers none comes again so soon.) */
static struct lock retiring;
static bool few_left;

struct thread {
	pthread_t id;
	unsigned seed;
	uint64_t registered, retired, found, recycled;
};

static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "stress_handle: FAILED: %s\n", what);
	abort();
}

static void give_back(struct thing *t)
{
	t->tag = 1;
	t->copy = 2;
	add_relaxed(&t->lives, 1);
	lock_take(&lock);
	t->next_free = pool;
	pool = t;
	pool_count++;
	lock_release(&lock);
}

static struct thing *take_free(void)
{
	lock_take(&lock);
	struct thing *t = pool;
	if (t != NULL) {
		pool = t->next_free;
		pool_count--;
	}
	lock_release(&lock);
	return t;
}

static void let_go(struct thread *me, struct thing *t)
{
	if (!object_release(&t->object))
		return;
	me->recycled++;
	give_back(t);
}

static void register_one(struct thread *me)
{
	struct thing *t = take_free();
	if (t == NULL)
		return;
	check(t->tag == 1 && t->copy == 2, "the pool's object was written to");
	t->tag = t->copy = (uint32_t)rand_r(&me->seed);
	object_init(&t->object);
	uint32_t handle = handle_register(&t->object);
	check(handle != 0 && handle <= HANDLE_MAX, "no number");
	me->registered++;
	store_relaxed(&recent[(unsigned)rand_r(&me->seed) % RECENT], handle);
	let_go(me, t);
}

/* Also under its last number it must be the right object until we let go. */
static void find_one(struct thread *me, bool retire)
{
	uint32_t handle = load_relaxed(&recent[(unsigned)rand_r(&me->seed) % RECENT]);
	bool one_at_a_time = retire && few_left;
	if (one_at_a_time)
		lock_take(&retiring);
	struct object *o = handle_grab(handle);
	bool retired = o && retire && handle_retire(handle);
	if (one_at_a_time)
		lock_release(&retiring);
	if (o == NULL)
		return;
	struct thing *t = container_of(o, struct thing, object);
	uint32_t lives = load_relaxed(&t->lives);
	me->found++;
	check(load_relaxed(&o->handle) == handle, "found another one");
	check(t->tag == t->copy, "found one that is in the pool");
	if (retired) {
		me->retired++;
		let_go(me, t);
	}
	if (rand_r(&me->seed) % 16 == 0)
		sched_yield();
	check(load_relaxed(&o->handle) == handle && t->tag == t->copy &&
		      load_relaxed(&t->lives) == lives,
	      "recycled while it was held");
	let_go(me, t);
}

static void *run(void *arg)
{
	struct thread *me = arg;
	uint32_t list[OBJECTS];
	for (int i = 0; i < STEPS; i++) {
		int what = rand_r(&me->seed) % 8;
		if (what < 2)
			register_one(me);
		else
			find_one(me, what == 2 || what == 3);
		if (i % 256 != 0)
			continue;
		size_t count = handle_list(list, OBJECTS);
		for (size_t k = 1; k < count && k < OBJECTS; k++)
			check(list[k - 1] <= list[k], "the list is not in order");
	}
	return NULL;
}

static void retire_rest(struct thread *me)
{
	uint32_t list[OBJECTS];
	size_t count = handle_list(list, OBJECTS);
	check(count == handle_count() && count <= OBJECTS, "the count is wrong");
	for (size_t i = 0; i < count; i++) {
		struct object *o = handle_grab(list[i]);
		check(o != NULL && object_refs(o) == 2, "a reference leaked");
		check(handle_retire(list[i]), "listed, but not to be retired");
		me->retired++;
		let_go(me, container_of(o, struct thing, object));
		let_go(me, container_of(o, struct thing, object));
	}
}

static void round_of(unsigned *seed, bool few_numbers)
{
	struct thread thread[THREADS] = {0}, sum = {0};
	handle_init();
	few_left = few_numbers;
	if (few_numbers)
		handle_skip_to(HANDLE_MAX - NUMBERS_LEFT + 1);
	for (int i = 0; i < RECENT; i++)
		store_relaxed(&recent[i], 0);
	for (int i = 0; i < THREADS; i++) {
		thread[i].seed = (unsigned)rand_r(seed);
		check(pthread_create(&thread[i].id, NULL, run, &thread[i]) == 0, "no thread");
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread[i].id, NULL);
		sum.registered += thread[i].registered;
		sum.retired += thread[i].retired;
		sum.found += thread[i].found;
		sum.recycled += thread[i].recycled;
	}
	retire_rest(&sum);
	check(sum.registered == sum.retired, "registrations and retirements differ");
	check(sum.registered == sum.recycled, "registrations and recyclings differ");
	check(pool_count == OBJECTS && handle_count() == 0, "not all came back");
	check(sum.registered > OBJECTS && sum.found > OBJECTS, "nothing happened");
	handle_term();
}

int main(int argc, char **argv)
{
	unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : (unsigned)clock_wall_ns();
	int rounds = argc > 2 ? atoi(argv[2]) : DEFAULT_ROUNDS;
	printf("stress_handle: seed %u, %d rounds\n", seed, rounds);
	fflush(stdout);
	lock_init(&lock);
	lock_init(&retiring);
	for (int i = 0; i < OBJECTS; i++)
		give_back(&things[i]);
	for (int i = 0; i < rounds; i++)
		round_of(&seed, i % 2 == 1);
	printf("stress_handle: ok\n");
	return 0;
}
