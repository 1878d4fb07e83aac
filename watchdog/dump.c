/* SPDX-License-Identifier: MIT
 *
 * A thread of its own, made beforehand: with tens of thousands of services this takes milliseconds, which neither the
 * monitor nor the loop thread has; and it works with every worker and every lock of the allocator stuck, since it maps its
 * memory itself, formats into its own buffer and writes with write(2). No VM is touched, no lock taken.
 *
 * Shares are those of the last moment (WINDOW_NS): two looks at everybody's CPU time, that long apart. What is read of a
 * thread counts only if its run word is the same afterwards; a service's memory is type-stable.
 */
#include "watchdog/dump.h"
#include "core/altstack.h"
#include "core/clock.h"
#include "core/log.h"
#include "sched/accounts.h"
#include "sched/sched.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

enum { TOP = 20, STACK_BYTES = 256 * 1024 };

static const int64_t WINDOW_NS = 500 * NS_PER_MS;

struct row {
	uint32_t handle;
	int64_t cpu_ns; /* at the first look */
};

struct busy {
	uint32_t handle;
	char name[sizeof(((struct service *)0)->name)];
	const char *status;
	int64_t used_ns, cpu_ns;
	uint32_t mailbox;
	size_t memory_bytes;
};

static struct {
	pthread_t thread;
	bool running;
	futex_word asked; /* counts requests */
	_Atomic bool stopping;
	/* The thread's. */
	struct busy top[TOP];
	int top_count;
	char line[1024];
} dump;

PRINTF(1, 2) static void say(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(dump.line, sizeof(dump.line), fmt, args);
	va_end(args);
	size_t length = n < 0 ? 0 : (size_t)n;
	log_write(0, dump.line, length < sizeof(dump.line) ? length : sizeof(dump.line) - 1);
}

/* ---- workers ---- */

struct sight {
	uint32_t handle, source;
	char name[sizeof(((struct service *)0)->name)];
	int type;
	int32_t session;
	uint64_t number;
	int64_t since_ns, cpu_ns;
	bool doomed;
};

/* What runs on `t`; false: nothing, or it changed meanwhile. */
static bool look_at(struct thread *t, struct sight *out)
{
	uint64_t word = load_acquire(&t->run);
	struct service *s = load_relaxed(&t->cur);
	enum run_state state = run_state_of(word);
	if (s == NULL || (state != RUN_BODY && state != RUN_DETACHED && state != RUN_HELD))
		return false;
	int64_t mark = load_relaxed(&s->message_mark_ns);
	*out = (struct sight){
		.handle = service_handle(s),
		.number = load_acquire(&s->message_number),
		.source = load_relaxed(&s->message_source),
		.type = load_relaxed(&s->message_type),
		.session = load_relaxed(&s->message_session),
		.since_ns = load_relaxed(&s->message_since_ns),
		.cpu_ns = load_relaxed(&s->message_cpu_ns) + (mark ? clock_mono_ns() - mark : 0),
		.doomed = load_relaxed(&s->doomed),
	};
	memcpy(out->name, s->name, sizeof(out->name));
	out->name[sizeof(out->name) - 1] = '\0';
	return load_acquire(&t->run) == word;
}

static void say_thread(const char *who, int number, struct thread *t)
{
	struct sight now;
	bool seen = false;
	/* A worker that is between two services for a moment, or changed just then, is looked at again. */
	for (int i = 0; i < 100 && !seen; i++)
		seen = look_at(t, &now);
	if (!seen) {
		say("dump: %s %d (thread eq-%d): idle", who, number, t->index);
		return;
	}
	int64_t since_us = (clock_mono_ns() - now.since_ns) / NS_PER_US;
	if (now.number == 0)
		say("dump: %s %d (thread eq-%d): service %s [ :%08x ], between two messages%s", who,
		    number, t->index, now.name, now.handle, now.doomed ? ", killed" : "");
	else
		say("dump: %s %d (thread eq-%d): service %s [ :%08x ], message %llu from [ :%08x ] "
		    "type %d "
		    "session %d, since %lld.%03lld ms, CPU %lld.%03lld ms%s",
		    who, number, t->index, now.name, now.handle, (unsigned long long)now.number,
		    now.source, now.type, now.session, (long long)(since_us / 1000),
		    (long long)(since_us % 1000), (long long)(now.cpu_ns / NS_PER_MS),
		    (long long)(now.cpu_ns / NS_PER_US % 1000), now.doomed ? ", killed" : "");
}

static void say_threads(void)
{
	say("dump: %d workers, %d services, %d waiting for a worker, %d spare threads, %llu "
	    "hand-offs",
	    sched.options.workers, service_living(), load_relaxed(&sched.queue.waiting),
	    thread_spare_count(), (unsigned long long)load_relaxed(&sched.handoffs));
	for (int i = 0; i < sched.options.workers; i++) {
		struct thread *t = load_relaxed(&sched.worker[i].thread);
		if (t)
			say_thread("worker", i, t);
	}
	for (int i = 0; i < thread_count(); i++)
		if (run_state_of(load_acquire(&thread_at(i)->run)) == RUN_DETACHED)
			say_thread("without a worker:", i, thread_at(i));
	for (int i = 0; i < thread_count(); i++)
		if (run_state_of(load_acquire(&thread_at(i)->run)) == RUN_HELD)
			say_thread("waits for its turn in C code:", i, thread_at(i));
}

/* ---- services ---- */

static void *map(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return at == MAP_FAILED ? NULL : at;
}

static size_t first_look(struct row *row, uint32_t *handle, size_t room)
{
	size_t count = handle_list(handle, room), n = 0;
	for (size_t i = 0; i < count && i < room; i++) {
		struct service *s = service_grab(handle[i]);
		if (s == NULL)
			continue;
		row[n++] = (struct row){handle[i], accounts_cpu_ns(s)};
		service_release(s);
	}
	return n;
}

/* Keeps the list in order, the busiest first, the older of equals first. */
static void offer(const struct busy *b)
{
	int at = dump.top_count;
	while (at > 0 &&
	       (dump.top[at - 1].used_ns < b->used_ns ||
		(dump.top[at - 1].used_ns == b->used_ns && dump.top[at - 1].cpu_ns < b->cpu_ns)))
		at--;
	if (at == TOP)
		return;
	int last = dump.top_count < TOP ? dump.top_count++ : TOP - 1;
	memmove(&dump.top[at + 1], &dump.top[at], (size_t)(last - at) * sizeof(dump.top[0]));
	dump.top[at] = *b;
}

static void second_look(const struct row *row, size_t count)
{
	dump.top_count = 0;
	for (size_t i = 0; i < count; i++) {
		struct service *s = service_grab(row[i].handle);
		if (s == NULL)
			continue;
		struct busy b = {
			.handle = row[i].handle,
			.status = service_status_name(load_relaxed(&s->status)),
			.cpu_ns = accounts_cpu_ns(s),
			.mailbox = mailbox_length(&s->mailbox),
			.memory_bytes = load_relaxed(&s->memory_bytes),
		};
		/* What ran at the first look was counted by the wall clock; the host may have taken some of it. */
		b.used_ns = b.cpu_ns > row[i].cpu_ns ? b.cpu_ns - row[i].cpu_ns : 0;
		memcpy(b.name, s->name, sizeof(b.name));
		service_release(s);
		offer(&b);
	}
}

static void say_services(int64_t window_ns)
{
	for (int i = 0; i < dump.top_count; i++) {
		const struct busy *b = &dump.top[i];
		long long share = window_ns > 0 ? b->used_ns * 1000 / window_ns : 0;
		say("dump: service %s [ :%08x ]: %lld.%lld %% of a core in the last %lld ms, CPU "
		    "%lld.%03lld s, "
		    "%u in the mailbox, %zu KB of memory, %s",
		    b->name, b->handle, share / 10, share % 10, (long long)(window_ns / NS_PER_MS),
		    (long long)(b->cpu_ns / NS_PER_S), (long long)(b->cpu_ns / NS_PER_MS % 1000),
		    b->mailbox, b->memory_bytes / 1024, b->status);
	}
}

static void wait_until(int64_t due_ns)
{
	int64_t left;
	while (!load_acquire(&dump.stopping) && (left = due_ns - clock_mono_ns()) > 0)
		futex_wait(&dump.asked, load_acquire(&dump.asked), left);
}

static void take_dump(void)
{
	size_t room = handle_count() + 64;
	size_t bytes = room * (sizeof(struct row) + sizeof(uint32_t));
	struct row *row = map(bytes);
	say_threads();
	if (row == NULL) {
		say("dump: no memory to list the services");
		return;
	}
	int64_t begin_ns = clock_mono_ns();
	size_t count = first_look(row, (uint32_t *)(row + room), room);
	wait_until(begin_ns + WINDOW_NS);
	int64_t window_ns = clock_mono_ns() - begin_ns;
	second_look(row, count);
	munmap(row, bytes);
	say_services(window_ns);
	say("dump: end");
}

/* ---- the thread ---- */

static void *dump_main(void *unused)
{
	uint32_t done = 0;
	prctl(PR_SET_NAME, "eq-dump");
	altstack_install();
	while (!load_acquire(&dump.stopping)) {
		uint32_t asked = load_acquire(&dump.asked);
		if (asked == done) {
			futex_wait(&dump.asked, asked, -1);
			continue;
		}
		take_dump();
		done = load_acquire(&dump.asked); /* one for all that were asked for meanwhile */
	}
	altstack_remove();
	return unused;
}

void dump_start(void)
{
	pthread_attr_t attr;
	store_relaxed(&dump.asked, 0);
	store_release(&dump.stopping, false);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	dump.running = pthread_create(&dump.thread, &attr, dump_main, NULL) == 0;
	pthread_attr_destroy(&attr);
	if (!dump.running)
		panic("cannot create the dump thread");
}

void dump_stop(void)
{
	if (!dump.running)
		return;
	store_release(&dump.stopping, true);
	dump_request();
	pthread_join(dump.thread, NULL);
	dump.running = false;
}

void dump_request(void)
{
	add_acq_rel(&dump.asked, 1);
	futex_wake(&dump.asked);
}
