/* SPDX-License-Identifier: MIT
 *
 * test_order_heap [seed]
 */
#include "sched/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { NODES = 200, STEPS = 20000 };

static unsigned seed = 1;

/* The oracle: who is in, kept sorted. Equal ones may come in any order, so only keys are compared. */
static struct heap_node *sorted[NODES];
static int sorted_count;

static int by_order(const void *a, const void *b)
{
	const struct fair *x = &(*(struct heap_node *const *)a)->fair;
	const struct fair *y = &(*(struct heap_node *const *)b)->fair;
	return fair_before(y, x) - fair_before(x, y);
}

static void oracle_sort(void)
{
	qsort(sorted, (size_t)sorted_count, sizeof(sorted[0]), by_order);
}

static void oracle_remove(struct heap_node *n)
{
	int i = 0;
	while (sorted[i] != n)
		i++;
	memmove(&sorted[i], &sorted[i + 1], (size_t)(--sorted_count - i) * sizeof(sorted[0]));
}

static void random_key(struct heap_node *n)
{
	n->fair.vd_ns = rand_r(&seed) % 50 - 25;
	n->fair.ve_ns = rand_r(&seed) % 4;
}

static void same_key(const struct heap_node *a, const struct heap_node *b)
{
	assert_int_equal(a->fair.vd_ns, b->fair.vd_ns);
	assert_int_equal(a->fair.ve_ns, b->fair.ve_ns);
}

static int oracle_before(const struct fair *f)
{
	int n = 0;
	while (n < sorted_count && fair_before(&sorted[n]->fair, f))
		n++;
	return n;
}

static void compare(const struct order_heap *h)
{
	assert_true(order_heap_is_valid(h));
	assert_int_equal(h->count, sorted_count);
	struct heap_node *first = order_heap_first(h);
	if (sorted_count == 0) {
		assert_null(first);
		return;
	}
	same_key(first, sorted[0]);
	struct heap_node probe;
	random_key(&probe);
	int before = oracle_before(&probe.fair), most = rand_r(&seed) % 20;
	assert_int_equal(order_heap_before(h, &probe.fair, NODES), before);
	assert_int_equal(order_heap_before(h, &probe.fair, most), before < most ? before : most);
}

static void one_step(struct order_heap *h, struct heap_node *n)
{
	int what = rand_r(&seed) % 8;
	if (n->place < 0) {
		random_key(n);
		order_heap_push(h, n);
		sorted[sorted_count++] = n;
	} else if (what < 2) {
		struct heap_node *first = order_heap_pop(h);
		same_key(first, sorted[0]);
		assert_int_equal(first->place, -1);
		oracle_remove(first);
	} else if (what < 4) {
		order_heap_remove(h, n);
		assert_int_equal(n->place, -1);
		oracle_remove(n);
	} else {
		random_key(n);
		order_heap_fix(h, n);
	}
	oracle_sort();
	compare(h);
}

static void test_against_a_sorted_array(void **state UNUSED)
{
	static struct heap_node node[NODES];
	struct order_heap h = {0};
	for (int i = 0; i < NODES; i++)
		node[i].place = -1;
	for (int step = 0; step < STEPS; step++)
		one_step(&h, &node[rand_r(&seed) % NODES]);
	for (int i = 0; sorted_count > 0; i++) {
		same_key(order_heap_pop(&h), sorted[0]);
		oracle_remove(sorted[0]);
		assert_true(order_heap_is_valid(&h));
	}
	assert_null(order_heap_pop(&h));
	order_heap_term(&h);
	assert_int_equal(h.room, 0);
}

static void test_validity_is_noticed(void **state UNUSED)
{
	struct heap_node node[3] = {{.place = -1}, {.place = -1}, {.place = -1}};
	struct order_heap h = {0};
	for (int i = 0; i < 3; i++) {
		node[i].fair.vd_ns = i;
		order_heap_push(&h, &node[i]);
	}
	assert_true(order_heap_is_valid(&h));
	node[2].fair.vd_ns = -1;
	assert_false(order_heap_is_valid(&h));
	order_heap_fix(&h, &node[2]);
	assert_true(order_heap_is_valid(&h));
	assert_ptr_equal(order_heap_first(&h), &node[2]);
	node[1].place = 0;
	assert_false(order_heap_is_valid(&h));
	order_heap_term(&h);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		seed = (unsigned)strtoul(argv[1], NULL, 0);
	printf("seed %u\n", seed);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_a_sorted_array),
		cmocka_unit_test(test_validity_is_noticed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
