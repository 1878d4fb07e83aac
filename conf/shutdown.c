/* SPDX-License-Identifier: MIT */
#include "conf/shutdown.h"
#include "core/clock.h"
#include "core/handle.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/mem.h"
#include "core/name.h"
#include "core/notify.h"
#include "luabind/luabind.h"
#include "sched/sched.h"
#include "watchdog/dump.h"
#include "watchdog/monitor.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LISTENERS_FIRST = 16 };

static struct {
	int64_t patience_ns;
	futex_word changed; /* main sleeps on it; counts requests and services that are through */
	_Atomic bool asked, by_signal;
	_Atomic int status;

	struct lock lock;   /* guards the list */
	uint32_t *listener; /* services with onstop functions that are not through */
	uint32_t count, room;
} end;

static void ring(void)
{
	add_acq_rel(&end.changed, 1); /* pairs with the acquire in wait_for */
	futex_wake(&end.changed);
}

void shutdown_request(int exit_status)
{
	bool first = false;
	int want = -1;
	if (cas_strong_acq_rel(&end.status, &want, exit_status))
		first = true;
	if (first)
		store_release(&end.asked, true);
	ring();
}

/* Some senders (timeout, a terminal with a process group) deliver one request twice. */
static const int64_t SAME_REQUEST_NS = 50 * NS_PER_MS;

void shutdown_on_signal(int signo)
{
	static int64_t first_ns; /* loop thread */
	int64_t now = clock_mono_ns();
	if (exchange_acq_rel(&end.by_signal, true)) {
		if (now - first_ns < SAME_REQUEST_NS)
			return;
		log_printf(0, "second signal: ending at once");
		_exit(128 + signo);
	}
	first_ns = now;
	if (log_wants(LOG_LEVEL_INFO))
		log_printf(0, "signal %d: stopping", signo);
	shutdown_request(0);
}

/* From skynet.abort: no questions asked. */
static void on_abort(int exit_status)
{
	shutdown_request(exit_status);
}

static void add_listener(uint32_t handle)
{
	uint32_t *bigger = NULL, *old = NULL;
	lock_take(&end.lock);
	bool full = end.count == end.room;
	uint32_t room = end.room ? end.room * 2 : LISTENERS_FIRST;
	lock_release(&end.lock);
	if (full)
		bigger = mem_alloc(room * sizeof(*bigger));
	lock_take(&end.lock);
	if (bigger && room > end.room) {
		if (end.count)
			memcpy(bigger, end.listener, end.count * sizeof(*bigger));
		old = end.listener;
		end.listener = bigger;
		end.room = room;
		bigger = NULL;
	}
	bool again = end.count == end.room;
	if (!again)
		end.listener[end.count++] = handle;
	lock_release(&end.lock);
	mem_free(bigger);
	mem_free(old);
	if (again)
		add_listener(handle);
}

static void remove_listener(uint32_t handle)
{
	lock_take(&end.lock);
	for (uint32_t i = 0; i < end.count; i++)
		if (end.listener[i] == handle)
			end.listener[i--] = end.listener[--end.count];
	lock_release(&end.lock);
	ring();
}

static void on_stopping(uint32_t handle, bool begins)
{
	if (begins)
		add_listener(handle);
	else
		remove_listener(handle);
}

void shutdown_init(int64_t patience_ns)
{
	memset(&end, 0, sizeof(end));
	lock_init(&end.lock);
	end.patience_ns = patience_ns;
	store_relaxed(&end.status, -1);
	api_abort = on_abort;
	api_stopping = on_stopping;
}

void shutdown_wake(void)
{
	ring();
}

void shutdown_wait(void (*serve)(void))
{
	for (;;) {
		uint32_t seen = load_acquire(&end.changed); /* acquires ring */
		if (load_acquire(&end.asked))
			return;
		serve();
		futex_wait(&end.changed, seen, -1);
	}
}

/* The services that still have onstop functions to run; dead ones do not count. */
static uint32_t listeners(uint32_t *out, uint32_t max)
{
	uint32_t n = 0;
	lock_take(&end.lock);
	for (uint32_t i = 0; i < end.count && n < max; i++)
		out[n++] = end.listener[i];
	lock_release(&end.lock);
	uint32_t alive = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct service *s = service_grab(out[i]);
		if (s == NULL)
			continue;
		service_release(s);
		out[alive++] = out[i];
	}
	return alive;
}

static void tell_services(int64_t limit_ns)
{
	uint32_t handle[256];
	uint32_t count = listeners(handle, COUNT_OF(handle));
	for (uint32_t i = 0; i < count; i++) {
		char *text = mem_alloc(4);
		memcpy(text, "TERM", 4);
		sched_post(0, handle[i], MESSAGE_SYSTEM, 0, text, 4);
	}
	while ((count = listeners(handle, COUNT_OF(handle))) > 0) {
		int64_t left = limit_ns - clock_mono_ns();
		if (left <= 0) {
			log_printf(0, "%u services did not finish stopping in time", count);
			return;
		}
		uint32_t seen = load_acquire(&end.changed);
		/* A listener may die without a word: look again now and then. */
		futex_wait(&end.changed, seen, left < 20 * NS_PER_MS ? left : 20 * NS_PER_MS);
	}
}

static void doom_all(bool spare_logger)
{
	size_t count;
	uint32_t logger = name_find("logger");
	struct service **list = sched_services(&count);
	/* Newest first: what was started later may use what was started earlier. */
	for (size_t i = count; i-- > 0;) {
		if (!spare_logger || service_handle(list[i]) != logger)
			sched_doom(list[i]);
		service_release(list[i]);
	}
	mem_free(list);
}

static bool wait_until_ended(int64_t limit_ns)
{
	while (service_living() > 1) { /* the logger */
		if (clock_mono_ns() > limit_ns)
			return false;
		doom_all(true); /* who was being launched meanwhile */
		usleep(500);
	}
	return true;
}

/* Lines that services logged last are in the logger's mailbox. */
static void drain_logger(int64_t limit_ns)
{
	struct service *s = service_grab(name_find("logger"));
	if (s == NULL)
		return;
	while (clock_mono_ns() < limit_ns &&
	       (mailbox_length(&s->mailbox) > 0 || load_relaxed(&s->status) != SERVICE_IDLE))
		usleep(500);
	service_release(s);
}

int shutdown_run(void)
{
	int64_t begin = clock_mono_ns();
	notify_send("STOPPING=1\nSTATUS=stopping");
	/* 1. those who asked to be told run their onstop functions while everybody else still works */
	if (load_relaxed(&end.by_signal))
		tell_services(begin + end.patience_ns);
	/* 2. all services end but the logger; what loops is cut off */
	int64_t limit = clock_mono_ns() + end.patience_ns;
	store_relaxed(&sched.ending, true);
	doom_all(true);
	bool clean = wait_until_ended(limit);
	int left = service_living() - 1; /* the logger is not one of them, and may be in its end below */
	/* 3. the last lines */
	drain_logger(limit + NS_PER_S);
	doom_all(false);
	if (!clean)
		log_printf(0, "%d services could not be ended", left);
	/* 4. the threads; one stuck in C code is left to the kernel */
	bool joined = sched_stop(NS_PER_S);
	monitor_stop();
	dump_stop();
	if (joined) {
		loop_stop();
		fflush(NULL); /* a stuck thread could hold stdio's lock */
	}
	return load_relaxed(&end.status);
}
