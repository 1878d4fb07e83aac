/* SPDX-License-Identifier: MIT
 *
 * Offers: found by their number while they are offered, by their kind only, and destroyed once, by the last holder,
 * also with many threads at it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/atomics.h"
#include "core/mem.h"
#include "luabind/offer.h"

#include <pthread.h>

enum { THREADS = 4, ROUNDS = 20000, SHELF = 8 };

static _Atomic uint32_t living;

static void destroy(struct offer *o)
{
	sub_relaxed(&living, 1);
	mem_free(o);
}

static void destroy_other(struct offer *o)
{
	destroy(o);
}

static struct offer *make(void (*how)(struct offer *))
{
	struct offer *o = mem_zalloc(sizeof(*o));
	add_relaxed(&living, 1);
	offer_begin(o, how);
	return o;
}

static void test_life(void **state)
{
	struct offer *a = make(destroy), *b = make(destroy_other);
	(void)state;
	assert_true(a->number != b->number && a->number != 0);
	assert_ptr_equal(offer_take(a->number, destroy), a);
	assert_null(offer_take(a->number, destroy_other)); /* of another kind */
	assert_null(offer_take(a->number + 1000, destroy));
	uint64_t number = a->number;
	offer_withdraw(a);
	offer_withdraw(a);
	assert_null(offer_take(number, destroy));
	offer_release(a);
	assert_int_equal(load_relaxed(&living), 2);
	offer_release(a);
	assert_int_equal(load_relaxed(&living), 1);
	offer_withdraw(b);
	offer_release(b);
	assert_int_equal(load_relaxed(&living), 0);
}

/* Numbers of what the threads have made lately. */
static _Atomic uint64_t shelf[SHELF];
static _Atomic uint32_t found;

static void *make_and_take(void *arg)
{
	unsigned at = (unsigned)(uintptr_t)arg;
	for (int i = 0; i < ROUNDS; i++) {
		struct offer *own = make(destroy);
		store_relaxed(&shelf[at++ % SHELF], own->number);
		struct offer *other = offer_take(load_relaxed(&shelf[(at + 3) % SHELF]), destroy);
		if (other) {
			add_relaxed(&found, 1);
			offer_release(other);
		}
		offer_withdraw(own);
		offer_release(own);
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t threads[THREADS];
	(void)state;
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, make_and_take, (void *)(i * 2)), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(load_relaxed(&living), 0);
	print_message("%u of %u found\n", load_relaxed(&found), THREADS * ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_life), cmocka_unit_test(test_threads)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
