/* SPDX-License-Identifier: MIT */
#include "core/timer.h"
#include "core/atomics.h"
#include "core/clock.h"
#include "core/mem.h"

#include <pthread.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define FIRST_ROOM 64u
#define BATCH      64u

/* What the order is decided by lies together, for the walk through the heap; the rest is in the node. */
struct entry {
	int64_t due_ns;
	uint64_t order; /* counts additions: the first of equals fires first */
	uint32_t node;
};

struct node {
	uint32_t handle;
	int32_t session;
	uint32_t at;   /* where its entry is in the heap */
	uint32_t next; /* in the chain of its bucket: index + 1, 0 at the end */
};

static struct {
	/* Constant from timer_init to timer_term. */
	void (*fire)(uint32_t handle, int32_t session);
	int fd;

	/* Under `lock`. A pthread mutex, since growing the arrays may take a while. */
	pthread_mutex_t lock;
	/* Children of i: 2i+1, 2i+2. All `room` entries name different nodes: those from `count` on name
	 * the free ones. */
	struct entry *heap;
	struct node *node;
	uint32_t *bucket; /* (handle, session) -> node: index + 1 of the first of a chain, 0 when empty */
	size_t count;
	size_t room; /* of all three arrays, a power of two */
	uint64_t next_order;
	/* When the timerfd goes off; INT64_MAX: not at all; INT64_MIN: timer_expire is at work and
	 * arms at its end, so those who add meanwhile need not. */
	int64_t armed_ns;

	_Atomic int64_t late_ns; /* the latest since somebody asked */
} timers = {.fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER, .armed_ns = INT64_MAX};

static bool before(const struct entry *a, const struct entry *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

/* ---- the index ---- */

static uint32_t *bucket_of(uint32_t handle, int32_t session)
{
	uint64_t key = (uint64_t)handle << 32 | (uint32_t)session;
	return &timers.bucket[(key * UINT64_C(0x9e3779b97f4a7c15)) >> 32 & (timers.room - 1)];
}

static void index_add(uint32_t node)
{
	struct node *n = &timers.node[node];
	uint32_t *first = bucket_of(n->handle, n->session);
	n->next = *first;
	*first = node + 1;
}

static void index_remove(uint32_t node)
{
	const struct node *n = &timers.node[node];
	uint32_t *link = bucket_of(n->handle, n->session);
	while (*link != node + 1)
		link = &timers.node[*link - 1].next;
	*link = n->next;
}

/* NULL: no such timer. */
static const struct node *index_find(uint32_t handle, int32_t session)
{
	for (uint32_t i = *bucket_of(handle, session); i != 0; i = timers.node[i - 1].next) {
		const struct node *n = &timers.node[i - 1];
		if (n->handle == handle && n->session == session)
			return n;
	}
	return NULL;
}

/* Nodes are numbered anew, by their place in the heap, so that the arrays can also shrink. */
static void resize(size_t room)
{
	struct node *old = timers.node;
	timers.heap = mem_realloc(timers.heap, room * sizeof(timers.heap[0]));
	timers.node = mem_alloc(room * sizeof(timers.node[0]));
	mem_free(timers.bucket);
	timers.bucket = mem_zalloc(room * sizeof(timers.bucket[0]));
	timers.room = room;
	for (uint32_t i = 0; i < room; i++) {
		if (i < timers.count) {
			timers.node[i] = old[timers.heap[i].node];
			index_add(i);
		}
		timers.heap[i].node = i;
	}
	mem_free(old);
}

/* ---- the heap ---- */

static void put(size_t at, struct entry e)
{
	timers.heap[at] = e;
	timers.node[e.node].at = (uint32_t)at;
}

/* Puts e at the free place `at` or, if it is due before those above, higher up. */
static void put_up(size_t at, struct entry e)
{
	while (at > 0 && before(&e, &timers.heap[(at - 1) / 2])) {
		put(at, timers.heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	put(at, e);
}

static void put_down(size_t at, struct entry e)
{
	const struct entry *heap = timers.heap;
	for (size_t child; (child = 2 * at + 1) < timers.count; at = child) {
		if (child + 1 < timers.count && before(&heap[child + 1], &heap[child]))
			child++;
		if (!before(&heap[child], &e))
			break;
		put(at, heap[child]);
	}
	put(at, e);
}

static void push(int64_t due_ns, uint32_t handle, int32_t session)
{
	if (timers.count == timers.room)
		resize(timers.room * 2);
	size_t at = timers.count++;
	uint32_t node = timers.heap[at].node;
	timers.node[node] = (struct node){.handle = handle, .session = session};
	index_add(node);
	put_up(at, (struct entry){due_ns, timers.next_order++, node});
}

static struct node remove_at(size_t at)
{
	uint32_t node = timers.heap[at].node;
	struct node gone = timers.node[node];
	struct entry moved = timers.heap[--timers.count];
	index_remove(node);
	timers.heap[timers.count].node = node;
	if (at < timers.count) {
		if (at > 0 && before(&moved, &timers.heap[(at - 1) / 2]))
			put_up(at, moved);
		else
			put_down(at, moved);
	}
	/* A quarter, not a half, so that a count that swings round one size does not copy each
	 * time. */
	if (timers.room > FIRST_ROOM && timers.count < timers.room / 4)
		resize(timers.room / 2);
	return gone;
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
	store_relaxed(&timers.late_ns, 0);
	timers.count = 0;
	timers.next_order = 0;
	resize(FIRST_ROOM);
}

void timer_term(void)
{
	close(timers.fd);
	timers.fd = -1;
	mem_free(timers.heap);
	mem_free(timers.node);
	mem_free(timers.bucket);
	timers.heap = NULL;
	timers.node = NULL;
	timers.bucket = NULL;
	timers.count = timers.room = 0;
}

void timer_add(int64_t due_ns, uint32_t handle, int32_t session)
{
	pthread_mutex_lock(&timers.lock);
	debug_ensure(timers.fd >= 0);
	push(due_ns, handle, session);
	if (due_ns < timers.armed_ns)
		arm(due_ns);
	pthread_mutex_unlock(&timers.lock);
}

bool timer_cancel(uint32_t handle, int32_t session)
{
	pthread_mutex_lock(&timers.lock);
	debug_ensure(timers.fd >= 0);
	const struct node *n = index_find(handle, session);
	if (n)
		remove_at(n->at);
	/* The timerfd stays as it is: waking up once for nothing is cheaper than a system call here. */
	pthread_mutex_unlock(&timers.lock);
	return n != NULL;
}

/* With the lock. One that was due before it was added is at 0 or less in our own tests only; services' are not. */
static void note_lateness(int64_t now_ns)
{
	int64_t due_ns = timers.count > 0 ? timers.heap[0].due_ns : INT64_MAX;
	if (due_ns > 0 && due_ns < now_ns && now_ns - due_ns > load_relaxed(&timers.late_ns))
		store_relaxed(&timers.late_ns, now_ns - due_ns);
}

int64_t timer_take_lateness_ns(void)
{
	/* Not to be lost: one that is noted in this moment. */
	return atomic_exchange_explicit(&timers.late_ns, 0, memory_order_relaxed);
}

/* Takes up to `max` that are due at `now_ns` off the heap. */
static size_t take_due(struct node *out, size_t max, int64_t now_ns)
{
	size_t count = 0;
	while (count < max && timers.count > 0 && timers.heap[0].due_ns <= now_ns)
		out[count++] = remove_at(0);
	return count;
}

void timer_expire(void)
{
	struct node batch[BATCH];
	uint64_t expirations;
	size_t count;
	/* Only to make it unreadable; EAGAIN when a re-arming has done so already. */
	ssize_t unused = read(timers.fd, &expirations, sizeof(expirations));
	(void)unused;
	int64_t now_ns = clock_mono_ns();

	pthread_mutex_lock(&timers.lock);
	timers.armed_ns = INT64_MIN;
	note_lateness(now_ns);
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
