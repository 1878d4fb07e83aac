/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/env.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set_once(void **state)
{
	char key[] = "thread", value[] = "8";
	assert_null(env_get("thread"));
	assert_true(env_set(key, value));
	key[0] = value[0] = 'x'; /* both were copied */
	const char *found = env_get("thread");
	assert_string_equal(found, "8");
	assert_false(env_set("thread", "9"));
	assert_ptr_equal(env_get("thread"), found);
	assert_string_equal(found, "8");
	assert_null(env_get("xhread"));
	assert_true(env_set("", ""));
	assert_string_equal(env_get(""), "");
	env_term();
	assert_null(env_get("thread"));
	(void)state;
}

#define MANY 5000

static void count_one(const char *key, const char *value, void *context)
{
	int *seen = context;
	assert_string_equal(key + 1, value);
	seen[atoi(value)]++;
}

/* More names than buckets, so that chains are walked. */
static void many(void **state)
{
	static int seen[MANY];
	char key[16];
	for (int i = 0; i < MANY; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_true(env_set(key, key + 1));
	}
	for (int i = 0; i < MANY; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_string_equal(env_get(key), key + 1);
		assert_false(env_set(key, "other"));
	}
	env_each(count_one, seen);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(seen[i], 1);
	env_term();
	(void)state;
}

#define RACERS 4
#define NAMES  2000

struct racer {
	pthread_t thread;
	char mark[2];
	int won;
	int torn; /* a value that nobody wrote, or one that changed */
};

static void *race(void *context)
{
	struct racer *r = context;
	char key[16];
	for (int i = 0; i < NAMES; i++) {
		snprintf(key, sizeof(key), "r%d", i);
		bool mine = env_set(key, r->mark);
		const char *value = env_get(key);
		r->won += mine;
		r->torn += value == NULL || value[0] < '0' || value[0] >= '0' + RACERS;
		r->torn += mine && value != NULL && strcmp(value, r->mark) != 0;
	}
	return NULL;
}

/* Whoever loses a race is told so: each name has exactly one winner, and its value. */
static void one_winner_for_each_name(void **state)
{
	struct racer racers[RACERS] = {0};
	int won = 0, counted[RACERS] = {0};
	for (int i = 0; i < RACERS; i++) {
		racers[i].mark[0] = (char)('0' + i);
		assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	}
	for (int i = 0; i < RACERS; i++) {
		pthread_join(racers[i].thread, NULL);
		won += racers[i].won;
		assert_int_equal(racers[i].torn, 0);
	}
	assert_int_equal(won, NAMES);
	for (int i = 0; i < NAMES; i++) {
		char key[16];
		snprintf(key, sizeof(key), "r%d", i);
		counted[env_get(key)[0] - '0']++;
	}
	for (int i = 0; i < RACERS; i++)
		assert_int_equal(counted[i], racers[i].won);
	env_term();
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_once),
		cmocka_unit_test(many),
		cmocka_unit_test(one_winner_for_each_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
