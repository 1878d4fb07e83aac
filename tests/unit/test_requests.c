/* SPDX-License-Identifier: MIT
 *
 * test_requests [seed]
 */
#include "sched/requests.h"
#include "core/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static unsigned seed = 1;

static void test_open_forget(void **state UNUSED)
{
	struct requests r;
	requests_init(&r);
	assert_false(requests_is_open(&r, 1, 1));
	assert_false(requests_forget(&r, 1, 1));
	assert_true(requests_open(&r, 1, 1));
	assert_true(requests_open(&r, 1, 1));
	assert_int_equal(r.count, 1);
	assert_true(requests_is_open(&r, 1, 1));
	assert_false(requests_is_open(&r, 1, 2));
	assert_false(requests_is_open(&r, 2, 1));
	assert_false(requests_forget(&r, 2, 1));
	assert_true(requests_forget(&r, 1, 1));
	assert_false(requests_forget(&r, 1, 1));
	assert_int_equal(r.count, 0);
	requests_term(&r);
}

static void test_extreme_numbers(void **state UNUSED)
{
	const int32_t session[] = {1, -1, INT32_MAX, INT32_MIN, 0};
	struct requests r;
	requests_init(&r);
	for (size_t i = 0; i < COUNT_OF(session); i++)
		assert_true(requests_open(&r, 0xffffffffu, session[i]));
	assert_int_equal(r.count, COUNT_OF(session));
	for (size_t i = 0; i < COUNT_OF(session); i++)
		assert_true(requests_forget(&r, 0xffffffffu, session[i]));
	requests_term(&r);
}

static void test_drain_closes_for_good(void **state UNUSED)
{
	struct requests r;
	uint32_t count = 99, sum = 0;
	requests_init(&r);
	for (int32_t i = 1; i <= 100; i++)
		assert_true(requests_open(&r, 5, i));
	struct request *list = requests_drain(&r, &count);
	assert_int_equal(count, 100);
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(list[i].source, 5);
		sum += (uint32_t)list[i].session;
	}
	assert_int_equal(sum, 5050);
	mem_free(list);
	assert_false(requests_open(&r, 5, 1));
	assert_false(requests_is_open(&r, 5, 1));
	assert_false(requests_forget(&r, 5, 1));
	requests_term(&r);
	/* Nothing was ever open. */
	requests_init(&r);
	mem_free(requests_drain(&r, &count));
	assert_int_equal(count, 0);
	assert_false(requests_open(&r, 1, 1));
	requests_term(&r);
}

enum { SOURCES = 30, SESSIONS = 30, STEPS = 60000 };

/* The oracle is a table of all there can be. After each step some answers are compared, and now and then
 * all of them: a hole in a probe sequence would hide somebody. */
static void compare_all(struct requests *r, bool open[SOURCES][SESSIONS])
{
	uint32_t count = 0;
	for (int a = 0; a < SOURCES; a++) {
		for (int b = 0; b < SESSIONS; b++) {
			assert_int_equal(requests_is_open(r, (uint32_t)a * 64 + 1, b), open[a][b]);
			count += open[a][b];
		}
	}
	assert_int_equal(r->count, count);
}

static void test_against_a_table(void **state UNUSED)
{
	static bool open[SOURCES][SESSIONS];
	struct requests r;
	uint32_t most = 0;
	requests_init(&r);
	for (int step = 0; step < STEPS; step++) {
		int a = rand_r(&seed) % SOURCES, b = rand_r(&seed) % SESSIONS;
		/* Grows, shrinks, and grows again. */
		int opens_of_8 = step / (STEPS / 4) % 2 ? 2 : 6;
		if (rand_r(&seed) % 8 < opens_of_8) {
			assert_true(requests_open(&r, (uint32_t)a * 64 + 1, b));
			open[a][b] = true;
		} else {
			assert_int_equal(requests_forget(&r, (uint32_t)a * 64 + 1, b), open[a][b]);
			open[a][b] = false;
		}
		most = r.count > most ? r.count : most;
		if (step % 500 == 0)
			compare_all(&r, open);
	}
	compare_all(&r, open);
	assert_true(most > 500);
	requests_term(&r);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		seed = (unsigned)strtoul(argv[1], NULL, 0);
	printf("seed %u\n", seed);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_forget),
		cmocka_unit_test(test_extreme_numbers),
		cmocka_unit_test(test_drain_closes_for_good),
		cmocka_unit_test(test_against_a_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
