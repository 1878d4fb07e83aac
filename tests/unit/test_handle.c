/* SPDX-License-Identifier: MIT */
#include "core/handle.h"
#include "core/mem.h"

#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static int setup(void **state UNUSED)
{
	handle_init();
	return 0;
}

static int teardown(void **state UNUSED)
{
	handle_term();
	return 0;
}

static void retire(struct object *o)
{
	assert_true(handle_retire(load_relaxed(&o->handle)));
	object_release(o);
}

static void test_counts_from_one(void **state UNUSED)
{
	struct object o[3] = {0};
	for (uint32_t i = 0; i < 3; i++) {
		object_init(&o[i]);
		assert_int_equal(handle_register(&o[i]), i + 1);
		assert_int_equal(load_relaxed(&o[i].handle), i + 1);
		assert_int_equal(object_refs(&o[i]), 2);
	}
	assert_int_equal(handle_count(), 3);
	retire(&o[1]);
	/* The number is not given out again although its slot is free. */
	assert_true(object_release(&o[1]));
	object_init(&o[1]);
	assert_int_equal(handle_register(&o[1]), 4);
}

static void test_grab(void **state UNUSED)
{
	struct object o = {0};
	object_init(&o);
	uint32_t h = handle_register(&o);
	assert_ptr_equal(handle_grab(h), &o);
	assert_int_equal(object_refs(&o), 3);
	assert_null(handle_grab(0));
	assert_null(handle_grab(h + 1));
	assert_null(handle_grab(h + 64));         /* same slot */
	assert_null(handle_grab(h | 0x01000000)); /* another harbor */
	assert_null(handle_grab(UINT32_MAX));
	assert_int_equal(object_refs(&o), 3);
	object_hold(&o);
	assert_int_equal(object_refs(&o), 4);
}

static void test_retire_once(void **state UNUSED)
{
	struct object o = {0};
	object_init(&o);
	uint32_t h = handle_register(&o);
	assert_false(handle_retire(0));
	assert_false(handle_retire(h + 64));
	assert_true(handle_retire(h));
	assert_false(handle_retire(h));
	assert_null(handle_grab(h));
	/* A late reader who still has the pointer must find no handle in the object either. */
	assert_int_equal(load_relaxed(&o.listing) >> 32, 0);
	assert_int_equal(handle_count(), 0);
	assert_int_equal(load_relaxed(&o.handle), h); /* still known to those who hold it */
	assert_false(object_release(&o));
	assert_true(object_release(&o));
}

static void test_grows_and_lists(void **state UNUSED)
{
	enum { COUNT = 1000 };
	struct object *o = mem_zalloc(COUNT * sizeof(*o));
	uint32_t list[COUNT];
	for (int i = 0; i < COUNT; i++) {
		object_init(&o[i]);
		assert_int_equal(handle_register(&o[i]), i + 1);
	}
	for (uint32_t i = 0; i < COUNT; i++)
		assert_ptr_equal(handle_grab(i + 1), &o[i]);
	for (int i = 0; i < COUNT; i += 2)
		retire(&o[i]);
	assert_int_equal(handle_list(NULL, 0), COUNT / 2);
	assert_int_equal(handle_list(list, COUNT), COUNT / 2);
	for (uint32_t i = 0; i < COUNT / 2; i++)
		assert_int_equal(list[i], 2 * i + 2);
	assert_int_equal(handle_list(list, 10), COUNT / 2);
	for (uint32_t i = 1; i < 10; i++)
		assert_true(list[i] > list[i - 1]);
	mem_free(o);
}

static void test_wraps_to_floor(void **state UNUSED)
{
	struct object o[6] = {0};
	for (int i = 0; i < 6; i++)
		object_init(&o[i]);
	assert_int_equal(handle_register(&o[0]), 1);
	handle_skip_to(9);
	handle_skip_to(5); /* never goes back */
	assert_int_equal(handle_register(&o[1]), 9);
	retire(&o[1]);
	assert_int_equal(handle_register(&o[2]), 10);
	handle_skip_to(HANDLE_MAX);
	assert_int_equal(handle_register(&o[3]), HANDLE_MAX);
	/* The floor moved to the last number with it: nothing below is free to be given. */
	retire(&o[3]);
	assert_int_equal(handle_register(&o[4]), HANDLE_MAX);
	uint32_t list[3];
	assert_int_equal(handle_list(list, 3), 3);
	assert_int_equal(list[0], 1);
	assert_int_equal(list[1], 10);
	assert_int_equal(list[2], HANDLE_MAX);
}

/* All 2^24 - 1 numbers in use, then one comes free. It takes half a GB for some seconds. */
static void test_full(void **state UNUSED)
{
	if (sysconf(_SC_AVPHYS_PAGES) < (2l << 30) / sysconf(_SC_PAGESIZE))
		skip();
	struct object *o = mem_zalloc((HANDLE_MAX + 2ul) * sizeof(*o));
	for (uint32_t i = 1; i <= HANDLE_MAX; i++) {
		object_init(&o[i]);
		if (handle_register(&o[i]) != i)
			fail_msg("number %u was not given", i);
	}
	assert_int_equal(handle_count(), HANDLE_MAX);
	object_init(&o[0]);
	assert_int_equal(handle_register(&o[0]), 0);
	assert_int_equal(object_refs(&o[0]), 1);
	retire(&o[777]);
	assert_int_equal(handle_register(&o[0]), 777);
	assert_ptr_equal(handle_grab(777), &o[0]);
	mem_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_counts_from_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_grab, setup, teardown),
		cmocka_unit_test_setup_teardown(test_retire_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_grows_and_lists, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wraps_to_floor, setup, teardown),
	};
	const struct CMUnitTest large[] = {
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	return WITH_ASAN || WITH_TSAN ? failed : failed + cmocka_run_group_tests(large, NULL, NULL);
}
