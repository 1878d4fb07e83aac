/* SPDX-License-Identifier: MIT */
#include "core/log_queue.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

enum { LIMIT_BYTES = 1 << 16, THREADS = 4, ROUNDS = 20000 };

/* Without a logger that counts: by the length of its mailbox. Must be the first. */
static void test_by_the_length_of_the_mailbox(void **state UNUSED)
{
	log_queue_set_limit_bytes(LIMIT_BYTES);
	assert_true(log_queue_enter(1 << 20, 0));
	assert_true(log_queue_enter(10, 100));
	assert_false(log_queue_is_empty()); /* nobody knows */
	assert_false(log_queue_enter(10, LIMIT_BYTES / 100));
	assert_int_equal(log_queue_take_dropped(true), 1);
}

static void test_full_and_free_again(void **state UNUSED)
{
	int entered = 0;
	log_queue_is_counted();
	assert_int_equal(log_queue_take_dropped(true), 0);
	while (log_queue_enter(1000, 0))
		entered++;
	assert_in_range(entered, LIMIT_BYTES / 2000, LIMIT_BYTES / 1000);
	assert_false(log_queue_enter(1000, 0));
	assert_int_equal(log_queue_take_dropped(true), 2);
	assert_int_equal(log_queue_take_dropped(true), 0);
	log_queue_left(1000);
	assert_true(log_queue_enter(1000, 0));
	assert_false(log_queue_enter(1000, 0));
	for (int i = 0; i < entered; i++)
		log_queue_left(1000);
	assert_int_equal(log_queue_take_dropped(true), 1);
}

static void test_a_huge_line_alone_is_let_in(void **state UNUSED)
{
	assert_true(log_queue_enter(10 * LIMIT_BYTES, 0));
	assert_false(log_queue_enter(1, 0));
	log_queue_left(10 * LIMIT_BYTES);
	assert_true(log_queue_is_empty());
	assert_true(log_queue_enter(1, 0));
	assert_false(log_queue_is_empty());
	log_queue_left(1);
	assert_true(log_queue_is_empty());
	assert_int_equal(log_queue_take_dropped(true), 1);
}

static void test_it_is_not_said_too_often(void **state UNUSED)
{
	assert_true(log_queue_enter(10 * LIMIT_BYTES, 0));
	assert_false(log_queue_enter(1, 0));
	/* Somebody has just been told. */
	assert_int_equal(log_queue_take_dropped(false), 0);
	assert_int_equal(log_queue_take_dropped(true), 1);
	log_queue_left(10 * LIMIT_BYTES);
}

static void test_the_text(void **state UNUSED)
{
	char text[LOG_QUEUE_TEXT_BYTES];
	size_t length = log_queue_text(1, text);
	assert_int_equal(length, strlen(text));
	assert_memory_equal(text, "warn: dropped 1 log line:", 25);
	length = log_queue_text(UINT64_MAX, text);
	assert_int_equal(length, strlen(text));
	assert_memory_equal(text, "warn: dropped 18446744073709551615 log lines:", 45);
}

static uint64_t refused[THREADS];

static void *pusher(void *mine)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (log_queue_enter(LIMIT_BYTES / 3, 0))
			log_queue_left(LIMIT_BYTES / 3);
		else
			(*(uint64_t *)mine)++;
	}
	return NULL;
}

static void test_no_line_is_lost_from_the_count(void **state UNUSED)
{
	pthread_t thread[THREADS];
	uint64_t sum = 0;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, pusher, &refused[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		sum += refused[i];
	}
	assert_int_equal(log_queue_take_dropped(true), sum);
	/* And it is as empty as before. */
	assert_true(log_queue_enter(LIMIT_BYTES - 1000, 0));
	log_queue_left(LIMIT_BYTES - 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_the_length_of_the_mailbox),
		cmocka_unit_test(test_full_and_free_again),
		cmocka_unit_test(test_a_huge_line_alone_is_let_in),
		cmocka_unit_test(test_it_is_not_said_too_often),
		cmocka_unit_test(test_the_text),
		cmocka_unit_test(test_no_line_is_lost_from_the_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
