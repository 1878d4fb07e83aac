/* SPDX-License-Identifier: MIT */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pthread_getname_np */
#endif
#include "core/loop.h"
#include "core/atomics.h"
#include "core/clock.h"
#include "core/timer.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static sem_t done;
static int64_t fired_at_ns;
static int64_t signals[NSIG];
static char thread_name[16];
static long thread_id;
static long thread_slack_ns;

static void on_timer(uint32_t handle UNUSED, int32_t session UNUSED)
{
	fired_at_ns = clock_mono_ns();
	sem_post(&done);
}

static void on_signal(int signo)
{
	signals[signo]++;
	sem_post(&done);
}

/* Runs on the loop thread. */
static void look_at_thread(void *arg UNUSED)
{
	pthread_getname_np(pthread_self(), thread_name, sizeof(thread_name));
	thread_id = syscall(SYS_gettid);
	thread_slack_ns = prctl(PR_GET_TIMERSLACK);
	sem_post(&done);
}

static struct loop_async *look, *stays;

static void stay(void *arg);

static int setup(void **state UNUSED)
{
	sem_init(&done, 0, 0);
	memset(signals, 0, sizeof(signals));
	timer_init(on_timer);
	loop_on_signal(SIGTERM, on_signal);
	loop_on_signal(SIGHUP, on_signal);
	look = loop_async_new(look_at_thread, NULL);
	stays = loop_async_new(stay, NULL);
	loop_async_send(look); /* before the start: it must not be lost */
	loop_start();
	sem_wait(&done);
	return 0;
}

static int teardown(void **state UNUSED)
{
	loop_stop();
	timer_term();
	sem_destroy(&done);
	return 0;
}

static void test_thread(void **state UNUSED)
{
	assert_string_equal(thread_name, "eq-loop");
	assert_int_not_equal(thread_id, syscall(SYS_gettid));
	assert_int_equal(thread_slack_ns, 1);
	assert_string_equal(loop_version(), "libev 4.33");
}

static void test_signals(void **state UNUSED)
{
	kill(getpid(), SIGTERM);
	sem_wait(&done);
	kill(getpid(), SIGHUP);
	sem_wait(&done);
	kill(getpid(), SIGTERM);
	sem_wait(&done);
	assert_int_equal(signals[SIGTERM], 2);
	assert_int_equal(signals[SIGHUP], 1);
}

static void test_timer(void **state UNUSED)
{
	int64_t due_ns = clock_mono_ns() + 2 * NS_PER_MS;
	timer_add(due_ns + 3600 * NS_PER_S, 1, 1);
	timer_add(due_ns, 1, 2);
	sem_wait(&done);
	assert_true(fired_at_ns >= due_ns);
}

#define THREADS 4
#define SENDS   5000

static _Atomic int64_t sent;
static int64_t seen; /* loop thread; what `sent` was at the last call */
static int64_t calls;

static void on_bell(void *arg UNUSED)
{
	calls++;
	seen = load_acquire(&sent); /* acquires ring() */
	if (seen == THREADS * SENDS)
		sem_post(&done);
}

static void *ring(void *arg)
{
	for (int i = 0; i < SENDS; i++) {
		add_acq_rel(&sent, 1); /* pairs with on_bell */
		loop_async_send(arg);
	}
	return NULL;
}

static struct loop_async *bell;

static void make_bell(void *arg UNUSED)
{
	bell = loop_async_new(on_bell, NULL); /* on the loop thread this time */
	sem_post(&done);
}

/* The call that sees the last of all must come, or the test hangs. */
static void test_asyncs_are_not_lost(void **state UNUSED)
{
	pthread_t thread[THREADS];
	loop_stop();
	struct loop_async *maker = loop_async_new(make_bell, NULL);
	loop_start();
	loop_async_send(maker);
	sem_wait(&done);
	store_relaxed(&sent, 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, ring, bell), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	sem_wait(&done);
	assert_int_equal(seen, THREADS * SENDS);
	assert_in_range(calls, 1, THREADS * SENDS);
}

static struct loop_async *echo;
static int echoes;

static void on_echo(void *arg UNUSED)
{
	if (++echoes == 1)
		loop_async_send(echo);
	else
		sem_post(&done);
}

/* A send during the call belongs to the next one, or the test hangs. */
static void test_send_during_call(void **state UNUSED)
{
	loop_stop();
	echoes = 0;
	echo = loop_async_new(on_echo, NULL);
	loop_start();
	loop_async_send(echo);
	sem_wait(&done);
	assert_int_equal(echoes, 2);
}

/* From /proc: the state letter, and how often the thread has gone to sleep of its own will. */
static long sleeps(char *letter)
{
	char path[64], line[256];
	long count = -1;
	snprintf(path, sizeof(path), "/proc/self/task/%ld/status", thread_id);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		sscanf(line, "State: %c", letter);
		sscanf(line, "voluntary_ctxt_switches: %ld", &count);
	}
	fclose(f);
	return count;
}

static void test_idle_sleeps(void **state UNUSED)
{
	char letter = '?';
	long before;
	timer_add(clock_mono_ns() + 3600 * NS_PER_S, 1, 1);
	do {
		usleep(1000);
		before = sleeps(&letter);
	} while (letter != 'S');
	usleep(200000);
	assert_int_equal(sleeps(&letter), before);
	assert_int_equal(letter, 'S');
}

static _Atomic bool go_on;

static void stay(void *arg UNUSED)
{
	sem_post(&done);
	while (!load_acquire(&go_on))
		usleep(1000);
}

/* A callback that takes long shows, from the moment its round began; a loop that waits shows nothing. */
static void test_says_since_when_it_is_busy(void **state UNUSED)
{
	int64_t before = clock_mono_ns();
	store_relaxed(&go_on, false);
	loop_async_send(stays);
	sem_wait(&done);
	int64_t since = loop_busy_since_ns();
	assert_in_range(since, before, clock_mono_ns());
	usleep(2000);
	assert_int_equal(loop_busy_since_ns(), since);
	store_release(&go_on, true);
	while (loop_busy_since_ns() != 0)
		usleep(1000);
}

int main(void)
{
	loop_block_signals();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_thread, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_asyncs_are_not_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_send_during_call, setup, teardown),
		cmocka_unit_test_setup_teardown(test_idle_sleeps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_says_since_when_it_is_busy, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
