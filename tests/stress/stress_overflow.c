/* SPDX-License-Identifier: MIT
 *
 * Services that dive until their C stack ends, by frames of all sizes, while a tormentor sends them the preemption signal
 * far too often (so that it also comes where the kernel has no room for its frame, and where the handler runs into
 * the guard), hands their slots off, and some are killed on the way. The process must live; each of them ends exactly
 * once; each who waits for one of them gets exactly one error; no stack and no thread is lost.
 *
 * stress_overflow [seed [divers]]
 */
#include "tests/stress/kit.h"
#include "core/clock.h"
#include "core/mem.h"
#include "sched/overflow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORKERS = 3, SPARES = 6, AT_A_TIME = 16, KILL_EACH = 5, LEAK_EACH = 4, SKIPPED = 77 };

static _Atomic uint64_t abandoned, leaked, errors;

struct diver {
	struct message *message;
	uint64_t random;
	bool leaks;
};

struct dive {
	uintptr_t low; /* of the stack */
	uint64_t random;
};

/* ---- the way down; in the section of code that may be parked, so that the stack may be left ---- */

static void deeper(struct dive *d);

/* Long enough for a signal, where it hurts. */
PARKABLE static NOINLINE void linger(const struct dive *d)
{
	volatile char here;
	enum { NEAR_BYTES = 12 * 1024, TURNS = 300 };
	if ((uintptr_t)&here > d->low + NEAR_BYTES)
		return;
	for (int i = 0; i < TURNS; i++)
		here = (char)i;
}

#define DIVE(name, bytes)                                                                          \
	PARKABLE static NOINLINE void name(struct dive *d)                                         \
	{                                                                                          \
		volatile char frame[bytes];                                                        \
		frame[0] = 1;                                                                      \
		linger(d);                                                                         \
		deeper(d);                                                                         \
		frame[(bytes)-1] = frame[0];                                                       \
	}

DIVE(by_16, 16)
DIVE(by_200, 200)
DIVE(by_1000, 1000)
DIVE(by_9000, 9000)

PARKABLE static NOINLINE void deeper(struct dive *d)
{
	d->random ^= d->random << 13;
	d->random ^= d->random >> 7;
	d->random ^= d->random << 17;
	if (d->random == 0)
		return; /* never: for the compiler, which knows endless recursion */
	switch (d->random >> 60) {
	case 0:
		by_9000(d);
		break;
	case 1:
	case 2:
		by_1000(d);
		break;
	case 3:
	case 4:
	case 5:
		by_200(d);
		break;
	default:
		by_16(d);
	}
	__asm__ volatile("" ::: "memory");
}

PARKABLE static NOINLINE void begin(void *arg)
{
	deeper(arg);
	__asm__ volatile("" ::: "memory");
}

/* ---- the divers ---- */

static void deliver(struct service *s, struct message *m)
{
	struct diver *diver = s->state;
	struct dive dive = {(uintptr_t)thread_self()->stack->low, diver->random};
	diver->message = m;
	stack_call_marked(begin, &dive, &s->mark);
	kit_fail(__FILE__, __LINE__, "a diver came back");
}

static void end_diver(struct service *s)
{
	struct diver *diver = s->state;
	check(diver != NULL, "a diver ended twice");
	s->state = NULL;
	if (diver->message)
		message_free(diver->message);
	mem_free(diver);
	add_relaxed(&abandoned, 1);
}

/* Killed before it could dive. */
static void close_diver(struct service *s)
{
	end_diver(s);
}

static void interrupt(struct service *s, enum interrupt_why why, uintptr_t pc, enum park_tier tier)
{
	(void)s;
	(void)why;
	(void)pc;
	(void)tier;
}

/* A heap in the middle of a change: what it holds is lost, as the test sees it, on purpose. */
static enum parked_fate fate(struct service *s, enum park_tier tier, bool late)
{
	struct diver *diver = s->state;
	(void)tier;
	if (!late || !diver->leaks)
		return late ? FATE_ABANDON : FATE_RUN_ON;
	end_diver(s);
	add_relaxed(&leaked, 1);
	return FATE_RUN_ON;
}

static const struct service_body diver_body = {
	.kind = "diver",
	.deliver = deliver,
	.close = close_diver,
	.abandon = end_diver,
	.interrupt = interrupt,
	.fate = fate,
};

/* ---- who waits for them ---- */

static void count_error(struct service *s, struct message *m)
{
	(void)s;
	check(m->type == MESSAGE_ERROR, "a message of type %d", m->type);
	add_relaxed(&errors, 1);
	message_free(m);
}

static void close_asker(struct service *s)
{
	(void)s;
}

static const struct service_body asker_body = {
	.kind = "asker",
	.deliver = count_error,
	.close = close_asker,
	.abandon = close_asker,
	.interrupt = interrupt,
	.fate = fate,
};

static uint32_t publish(struct service *s)
{
	uint32_t handle = service_publish(s);
	check(handle != 0, "no handle is free");
	return handle;
}

static uint32_t new_diver(uint64_t *random)
{
	struct diver *diver = mem_zalloc(sizeof(*diver));
	struct service *s = service_new(&diver_body, "diver", 0, &settings_preset[CLASS_NORMAL]);
	diver->random = ((uint64_t)kit_random(random) << 32 | kit_random(random)) | 1;
	diver->leaks = kit_random(random) % LEAK_EACH == 0;
	s->state = diver;
	return publish(s);
}

static void maybe_kill(uint32_t handle, uint64_t *random)
{
	struct service *s = kit_random(random) % KILL_EACH == 0 ? service_grab(handle) : NULL;
	if (s == NULL)
		return;
	sched_doom(s);
	service_release(s);
}

static void run(int divers, uint64_t *random)
{
	struct service *s = service_new(&asker_body, "asker", 0, &settings_preset[CLASS_NORMAL]);
	object_hold(&s->object);
	uint32_t asker = publish(s);
	for (int i = 0; i < divers; i++) {
		uint32_t handle = new_diver(random);
		check(sched_post(asker, handle, 10, i + 1, NULL, 0), "a diver is gone too soon");
		maybe_kill(handle, random);
		kit_wait_living(AT_A_TIME);
	}
	kit_wait_living(1);
	int64_t limit_ns = clock_mono_ns() + 60 * NS_PER_S;
	while (load_acquire(&errors) < (uint64_t)divers && clock_mono_ns() < limit_ns)
		usleep(1000);
	sched_doom(s);
	service_release(s);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)clock_wall_ns();
	int divers = argc > 2 ? atoi(argv[2]) : 3000;
	uint64_t random = seed | 1;
	struct torment torment = {.pause_ns = 20 * NS_PER_US, .hand_off_each = 300};
	printf("stress_overflow: seed %llu, %d divers\n", (unsigned long long)seed, divers);
	fflush(stdout);
	if (WITH_ASAN || WITH_TSAN) {
		printf("stress_overflow: the sanitizers report such faults themselves\n");
		return SKIPPED;
	}
	kit_start(WORKERS, 0, SPARES, NULL);
	torment_start(&torment, seed);
	run(divers, &random);
	struct torment_figures figures = torment_stop();
	kit_wait_living(0);
	uint64_t ends = overflow_count();
	printf("%llu overflows of %d, %llu of them with a busy heap; %llu requests, %llu "
	       "hand-offs\n",
	       (unsigned long long)ends, divers, (unsigned long long)load_relaxed(&leaked),
	       (unsigned long long)figures.asked, (unsigned long long)figures.hand_offs);
	check(load_relaxed(&abandoned) == (uint64_t)divers, "%llu of %d ended",
	      (unsigned long long)load_relaxed(&abandoned), divers);
	check(load_relaxed(&errors) == (uint64_t)divers, "%llu errors for %d requests",
	      (unsigned long long)load_relaxed(&errors), divers);
	check(ends > (uint64_t)divers / 2 && ends <= (uint64_t)divers, "%llu overflows",
	      (unsigned long long)ends);
	kit_stop();
	printf("stress_overflow: ok\n");
	return 0;
}
