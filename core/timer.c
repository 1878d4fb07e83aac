/* SPDX-License-Identifier: MIT */
#include "core/timer.h"
#include "core/clock.h"
#include "core/mem.h"

#include <pthread.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define FIRST_ROOM 64u
#define BATCH      64u

struct timer {
	int64_t due_ns;
	uint64_t order; /* counts additions: the first of equals fires first */
	uint32_t handle;
	int32_t session;
};

static struct {
	/* Constant from timer_init to timer_term. */
	void (*fire)(uint32_t handle, int32_t session);
	int fd;

	/* Under `lock`. A pthread mutex, since growing the array may take a while. */
	pthread_mutex_t lock;
	struct timer *heap; /* children of i: 2i+1, 2i+2 */
	size_t count;
	size_t room;
	uint64_t next_order;
	/* When the timerfd goes off; INT64_MAX: not at all; INT64_MIN: timer_expire is at work and
	 * arms at its end, so those who add meanwhile need not. */
	int64_t armed_ns;
} timers = {.fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER, .armed_ns = INT64_MAX};

static bool before(const struct timer *a, const struct timer *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static void resize(size_t room)
{
	timers.heap = mem_realloc(timers.heap, room * sizeof(timers.heap[0]));
	timers.room = room;
}

static void push(struct timer t)
{
	if (timers.count == timers.room)
		resize(timers.room * 2);
	size_t at = timers.count++;
	while (at > 0 && before(&t, &timers.heap[(at - 1) / 2])) {
		timers.heap[at] = timers.heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	timers.heap[at] = t;
}

static struct timer pop(void)
{
	struct timer *heap = timers.heap;
	struct timer top = heap[0], moved = heap[--timers.count];
	size_t at = 0;
	for (size_t child; (child = 2 * at + 1) < timers.count; at = child) {
		if (child + 1 < timers.count && before(&heap[child + 1], &heap[child]))
			child++;
		if (!before(&heap[child], &moved))
			break;
		heap[at] = heap[child];
	}
	heap[at] = moved;
	/* A quarter, not a half, so that a count that swings round one size does not copy each
	 * time. */
	if (timers.room > FIRST_ROOM && timers.count < timers.room / 4)
		resize(timers.room / 2);
	return top;
}

static void arm(int64_t due_ns)
{
	/* 0 would switch it off; 1 is in the past, which makes the descriptor readable at once. */
	int64_t at_ns = due_ns < 1 ? 1 : due_ns;
	struct itimerspec when = {.it_value = {at_ns / NS_PER_S, at_ns % NS_PER_S}};
	ensure(timerfd_settime(timers.fd, TFD_TIMER_ABSTIME, &when, NULL) == 0);
	timers.armed_ns = due_ns;
}

void timer_init(void (*fire)(uint32_t handle, int32_t session))
{
	ensure(timers.fd < 0);
	timers.fire = fire;
	timers.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	ensure(timers.fd >= 0);
	timers.armed_ns = INT64_MAX;
	timers.count = 0;
	timers.next_order = 0;
	resize(FIRST_ROOM);
}

void timer_term(void)
{
	close(timers.fd);
	timers.fd = -1;
	mem_free(timers.heap);
	timers.heap = NULL;
	timers.count = timers.room = 0;
}

void timer_add(int64_t due_ns, uint32_t handle, int32_t session)
{
	pthread_mutex_lock(&timers.lock);
	debug_ensure(timers.fd >= 0);
	push((struct timer){due_ns, timers.next_order++, handle, session});
	if (due_ns < timers.armed_ns)
		arm(due_ns);
	pthread_mutex_unlock(&timers.lock);
}

/* Takes up to `max` that are due at `now_ns` off the heap. */
static size_t take_due(struct timer *out, size_t max, int64_t now_ns)
{
	size_t count = 0;
	while (count < max && timers.count > 0 && timers.heap[0].due_ns <= now_ns)
		out[count++] = pop();
	return count;
}

void timer_expire(void)
{
	struct timer batch[BATCH];
	uint64_t expirations;
	size_t count;
	/* Only to make it unreadable; EAGAIN when a re-arming has done so already. */
	ssize_t unused = read(timers.fd, &expirations, sizeof(expirations));
	(void)unused;
	int64_t now_ns = clock_mono_ns();

	pthread_mutex_lock(&timers.lock);
	timers.armed_ns = INT64_MIN;
	size_t budget = timers.count;
	do {
		count = take_due(batch, budget < BATCH ? budget : BATCH, now_ns);
		budget -= count;
		pthread_mutex_unlock(&timers.lock);
		for (size_t i = 0; i < count; i++)
			timers.fire(batch[i].handle, batch[i].session);
		pthread_mutex_lock(&timers.lock);
	} while (count > 0);
	timers.armed_ns = INT64_MAX;
	if (timers.count > 0)
		arm(timers.heap[0].due_ns);
	pthread_mutex_unlock(&timers.lock);
}

int timer_fd(void)
{
	return timers.fd;
}

size_t timer_count(void)
{
	pthread_mutex_lock(&timers.lock);
	size_t count = timers.count;
	pthread_mutex_unlock(&timers.lock);
	return count;
}
