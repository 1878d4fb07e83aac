/* SPDX-License-Identifier: MIT */
#include "sched/service.h"
#include "core/clock.h"
#include "core/mem.h"
#include "sched/sched.h"

#include <pthread.h>
#include <string.h>

/* Chunks are never freed before service_term: type-stable memory. */
enum { CHUNK = 64 };

struct chunk {
	struct chunk *older;
	struct service service[CHUNK];
};

static struct {
	pthread_mutex_t lock; /* guards all of it */
	struct chunk *chunks;
	struct service **free; /* stack of recycled ones */
	size_t free_count, free_room;
	_Atomic int living; /* outside of the lock */
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Row: from; bit: to. */
/* UNUSED: release builds do not look. */
static const uint8_t allowed[] UNUSED = {
	[SERVICE_IDLE] = 1 << SERVICE_READY,
	[SERVICE_READY] = 1 << SERVICE_RUNNING,
	[SERVICE_RUNNING] = 1 << SERVICE_IDLE | 1 << SERVICE_READY | 1 << SERVICE_PARKED |
			    1 << SERVICE_DETACHED | 1 << SERVICE_HELD | 1 << SERVICE_DEAD,
	/* A parked one whose VM is abandoned never runs again. */
	[SERVICE_PARKED] = 1 << SERVICE_RUNNING | 1 << SERVICE_DEAD,
	[SERVICE_DETACHED] = 1 << SERVICE_IDLE | 1 << SERVICE_READY | 1 << SERVICE_PARKED |
			     1 << SERVICE_HELD | 1 << SERVICE_DEAD,
	/* Its C frames cannot be taken away from it. */
	[SERVICE_HELD] = 1 << SERVICE_RUNNING,
	[SERVICE_DEAD] = 1 << SERVICE_IDLE, /* recycled */
};

const char *service_status_name(int status)
{
	static const char *const name[] = {"idle",     "ready", "running", "parked",
					   "detached", "held",  "dead"};
	return status >= 0 && status < (int)COUNT_OF(name) ? name[status] : "?";
}

void service_set_status(struct service *s, enum service_status to)
{
	int from = load_relaxed(&s->status);
	debug_ensure(allowed[from] & 1 << to);
	if (from == SERVICE_DEAD)
		add_relaxed(&pool.living, 1);
	else if (to == SERVICE_DEAD)
		sub_relaxed(&pool.living, 1);
	store_relaxed(&s->status, to);
}

/* With the lock; takes `c` and, for the old one, `list`, which has `room` places. Returns the list that is of no use any
 * more. */
static struct service **add_chunk(struct chunk *c, struct service **list, size_t room)
{
	struct service **old = pool.free;
	c->older = pool.chunks;
	pool.chunks = c;
	if (pool.free_count > 0)
		memcpy(list, old, pool.free_count * sizeof(list[0]));
	pool.free = list;
	pool.free_room = room;
	for (int i = CHUNK - 1; i >= 0; i--) {
		store_relaxed(&c->service[i].status, SERVICE_DEAD);
		pool.free[pool.free_count++] = &c->service[i];
	}
	return old;
}

/* Nothing is allocated with the lock: the monitor takes it when it gives the last reference back. Of two threads that
 * come here at once, the one that finds the room changed begins again. */
static void grow_pool(size_t room)
{
	struct chunk *c = mem_zalloc_aligned(CACHE_LINE_BYTES, sizeof(*c));
	struct service **list = mem_alloc((room + CHUNK) * sizeof(list[0])), **old = list;
	pthread_mutex_lock(&pool.lock);
	bool mine = pool.free_room == room;
	if (mine)
		old = add_chunk(c, list, room + CHUNK);
	pthread_mutex_unlock(&pool.lock);
	if (!mine)
		mem_free(c);
	mem_free(old);
}

static struct service *pool_take(void)
{
	for (;;) {
		pthread_mutex_lock(&pool.lock);
		struct service *s = pool.free_count ? pool.free[--pool.free_count] : NULL;
		size_t room = pool.free_room;
		pthread_mutex_unlock(&pool.lock);
		if (s)
			return s;
		grow_pool(room);
	}
}

static void pool_give(struct service *s)
{
	pthread_mutex_lock(&pool.lock);
	pool.free[pool.free_count++] = s;
	pthread_mutex_unlock(&pool.lock);
}

/* Any thread; only ever lower. */
static _Atomic int64_t shortest_step_ns = INT64_MAX;

void service_term(void)
{
	while (pool.chunks) {
		struct chunk *c = pool.chunks;
		pool.chunks = c->older;
		for (int i = 0; i < CHUNK; i++) {
			requests_term(&c->service[i].open);
			mailbox_term(&c->service[i].mailbox);
		}
		mem_free(c);
	}
	mem_free(pool.free);
	pool.free = NULL;
	pool.free_count = pool.free_room = 0;
	store_relaxed(&shortest_step_ns, INT64_MAX);
}

static void note_step(int64_t at_ns)
{
	int64_t known = load_relaxed(&shortest_step_ns);
	while (at_ns && at_ns < known && !cas_weak_acq_rel(&shortest_step_ns, &known, at_ns))
		;
}

int64_t service_shortest_step_ns(void)
{
	return load_relaxed(&shortest_step_ns);
}

void service_set_limits(struct service *s, const struct limits *limits)
{
	for (int i = 0; i < STEP_COUNT; i++) {
		store_relaxed(&s->limit_ns[i], limits->at_ns[i]);
		note_step(limits->at_ns[i]);
	}
	store_relaxed(&s->restart_max, limits->restart_max);
	store_relaxed(&s->restart_within_ns, limits->within_ns);
	store_relaxed(&s->restart_backoff_ns, limits->backoff_ns);
}

void service_limits_of(struct service *s, struct limits *out)
{
	for (int i = 0; i < STEP_COUNT; i++)
		out->at_ns[i] = load_relaxed(&s->limit_ns[i]);
	out->restart_max = load_relaxed(&s->restart_max);
	out->within_ns = load_relaxed(&s->restart_within_ns);
	out->backoff_ns = load_relaxed(&s->restart_backoff_ns);
}

/* Everything but `object` (late lookups may be reading it) and the atomics that the monitor may be
 * reading, which are stored one by one. */
static void reset(struct service *s)
{
	mailbox_term(&s->mailbox);
	mailbox_init(&s->mailbox);
	requests_term(&s->open);
	requests_init(&s->open);
	s->state = NULL;
	s->stack = NULL;
	s->mark = 0;
	s->grave = NULL;
	store_relaxed(&s->closing, false);
	store_relaxed(&s->handed_off, false);
	store_relaxed(&s->aside, false);
	s->overload_at = 1024;
	s->doom_cpu_ns = -1;
	store_relaxed(&s->doomed, false);
	store_relaxed(&s->sessions, 0);
	service_set_limits(s, &(struct limits){0});
	store_relaxed(&s->restarts, 0);
	store_relaxed(&s->asked_number, 0);
	store_relaxed(&s->raise_number, 0);
	store_relaxed(&s->raises_met, 0);
	store_relaxed(&s->raises_met_in, 0);
	store_relaxed(&s->interrupts, 0);
	store_relaxed(&s->demoted, false);
	store_relaxed(&s->doomed_ns, 0);
	store_relaxed(&s->ended_ns, 0);
	store_relaxed(&s->abandoned, false);
	/* Hung on after its end: the monitor gets it back, empty. */
	struct evidence *late = exchange_acq_rel(&s->evidence, NULL);
	if (late)
		store_release(&late->state, EVIDENCE_READY);
	store_relaxed(&s->cpu_ns, 0);
	store_relaxed(&s->cpu_shown_ns, 0);
	store_relaxed(&s->messages, 0);
	for (int i = 0; i < TIER_COUNT; i++)
		store_relaxed(&s->parks[i], 0);
	store_relaxed(&s->holds, 0);
	store_relaxed(&s->moves, 0);
	store_relaxed(&s->memory_bytes, 0);
	store_relaxed(&s->code_bytes, 0);
	store_relaxed(&s->code_flushes, 0);
	store_relaxed(&s->compiler, NULL);
	store_relaxed(&s->message_bytes, 0);
	store_relaxed(&s->errors, 0);
	store_relaxed(&s->tasks, 0);
	store_relaxed(&s->max_tasks, 0);
	store_relaxed(&s->seen_tier, TIER_FOREIGN);
	store_relaxed(&s->samples, 0);
	store_relaxed(&s->collector_samples, 0);
	store_relaxed(&s->endless, false);
	store_relaxed(&s->message_number, 0);
	store_relaxed(&s->message_cpu_ns, 0);
	store_relaxed(&s->message_mark_ns, 0);
}

struct service *service_new(const struct service_body *body, const char *name, uint32_t creator,
			    const struct settings *settings)
{
	struct service *s = pool_take();
	reset(s);
	s->body = body;
	strncpy(s->name, name, sizeof(s->name) - 1);
	s->name[sizeof(s->name) - 1] = '\0';
	s->creator = creator;
	s->born_ns = clock_mono_ns();
	runq_entry_init(&s->entry, settings);
	store_relaxed(&s->class, (int)settings->class);
	if (settings->group)
		sched_join_group(s, settings);
	service_set_status(s, SERVICE_IDLE);
	object_init(&s->object);
	return s;
}

uint32_t service_publish(struct service *s)
{
	uint32_t handle = handle_register(&s->object);
	/* The table has its own reference now; ours ends here. Without a handle it was the last one. */
	if (handle == 0)
		service_set_status(s, SERVICE_READY), service_set_status(s, SERVICE_RUNNING),
			service_set_status(s, SERVICE_DEAD);
	service_release(s);
	return handle;
}

int service_living(void)
{
	return load_relaxed(&pool.living);
}

struct service *service_grab(uint32_t handle)
{
	struct object *o = handle_grab(handle);
	return o ? container_of(o, struct service, object) : NULL;
}

struct service *service_peek(uint32_t handle)
{
	struct object *o = handle_peek(handle);
	return o ? container_of(o, struct service, object) : NULL;
}

void service_release(struct service *s)
{
	if (object_release(&s->object))
		pool_give(s);
}

int32_t service_new_session(struct service *s)
{
	int32_t session;
	do {
		session = (int32_t)(((uint32_t)add_relaxed(&s->sessions, 1) + 1) & 0x7fffffffu);
	} while (session == 0);
	return session;
}
