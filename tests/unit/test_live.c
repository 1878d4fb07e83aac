/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conf/live.h"
#include "core/atomics.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { READERS = 3, REPLACEMENTS = 300 };

static struct conf *conf_with(int weight)
{
	char text[64];
	struct conf_report report = {0};
	snprintf(text, sizeof(text), "weight = %d start = 'n%d'", weight, weight);
	struct conf *c = conf_from(luafile_parse("x", text, strlen(text)), &report);
	assert_non_null(c);
	return c;
}

static void the_old_one_stays_while_held(void **state)
{
	live_init(conf_with(1));
	struct live_conf *old = live_hold();
	live_replace(conf_with(2));
	struct live_conf *now = live_hold();
	assert_int_equal(live_conf(old)->weight, 1);
	assert_string_equal(live_conf(old)->start, "n1");
	assert_int_equal(live_conf(now)->weight, 2);
	live_release(old);
	live_release(now);
	live_term(); /* ASan and LSan judge the rest */
	(void)state;
}

static _Atomic bool done;
static _Atomic uint64_t reads;

/* What it finds is whole, and never older than what it found before. */
static void *read_on(void *torn)
{
	int64_t last = 0;
	while (!load_acquire(&done)) {
		char text[32];
		struct live_conf *held = live_hold();
		const struct conf *c = live_conf(held);
		snprintf(text, sizeof(text), "n%d", (int)c->weight);
		if (strcmp(text, c->start) != 0 || c->weight < last)
			store_relaxed((_Atomic bool *)torn, true);
		last = c->weight;
		live_release(held);
		add_relaxed(&reads, 1);
	}
	return NULL;
}

static void replaced_under_readers(void **state)
{
	pthread_t thread[READERS];
	_Atomic bool torn = false;
	live_init(conf_with(1));
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, read_on, (void *)&torn), 0);
	for (int i = 2; i <= REPLACEMENTS; i++)
		live_replace(conf_with(i));
	while (load_relaxed(&reads) < REPLACEMENTS)
		;
	store_release(&done, true); /* acquired in read_on */
	for (int i = 0; i < READERS; i++)
		pthread_join(thread[i], NULL);
	assert_false(load_relaxed(&torn));
	struct live_conf *held = live_hold();
	assert_int_equal(live_conf(held)->weight, REPLACEMENTS);
	live_release(held);
	live_term();
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_old_one_stays_while_held),
		cmocka_unit_test(replaced_under_readers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
