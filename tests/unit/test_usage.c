/* SPDX-License-Identifier: MIT */
#include "sched/usage.h"
#include "core/clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static struct usage u;

static int begin(void **state UNUSED)
{
	memset(&u, 0, sizeof(u));
	return 0;
}

static void expect(int64_t now_ns, int seconds, double share)
{
	double got = usage_share(&u, now_ns, seconds);
	if (fabs(got - share) > 0.001)
		fail_msg("share over %d s is %.4f, not %.4f", seconds, got, share);
}

static void test_nothing(void **state UNUSED)
{
	expect(0, 1, 0);
	expect(1000 * NS_PER_S, 10, 0);
}

/* 30 % of a worker, in pieces of a millisecond. */
static void test_steady(void **state UNUSED)
{
	int64_t now = 5 * NS_PER_S;
	for (; now < 30 * NS_PER_S; now += NS_PER_MS)
		usage_add(&u, now, now + NS_PER_MS * 3 / 10, NS_PER_MS * 3 / 10);
	expect(now, 1, 0.3);
	expect(now, 10, 0.3);
	/* It stops: the windows slide away from it. */
	expect(now + NS_PER_S / 2, 1, 0.15);
	expect(now + 5 * NS_PER_S, 10, 0.15);
	expect(now + NS_PER_S, 1, 0);
	expect(now + 10 * NS_PER_S, 10, 0);
	expect(now + 1000 * NS_PER_S, 10, 0);
}

/* Booked in one piece at its end, less what was stolen. */
static void test_one_long_run(void **state UNUSED)
{
	usage_add(&u, 100 * NS_PER_S, 104 * NS_PER_S + NS_PER_S / 2, 9 * NS_PER_S / 4);
	int64_t now = 104 * NS_PER_S + NS_PER_S / 2;
	expect(now, 1, 0.5);
	expect(now, 10, 0.225);
	/* Longer than the ring. */
	begin(NULL);
	usage_add(&u, 0, 100 * NS_PER_S, 100 * NS_PER_S);
	expect(100 * NS_PER_S, 1, 1);
	expect(100 * NS_PER_S, 10, 1);
}

/* A second written long ago is not taken for one of the present round. */
static void test_ring_turns(void **state UNUSED)
{
	usage_add(&u, 3 * NS_PER_S, 3 * NS_PER_S + NS_PER_MS, NS_PER_MS);
	int64_t now = (3 + USAGE_SECONDS) * NS_PER_S;
	usage_add(&u, now, now + NS_PER_MS, NS_PER_MS);
	expect(now + NS_PER_MS, 10, 0.0001);
	usage_add(&u, now + 5 * NS_PER_S, now + 5 * NS_PER_S + 1, 1);
	usage_add(&u, now, now + 1, 0);
	usage_add(&u, now, now + 1, -5);
	expect(now + 5 * NS_PER_S, 10, 0.0001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nothing, begin),
		cmocka_unit_test_setup(test_steady, begin),
		cmocka_unit_test_setup(test_one_long_run, begin),
		cmocka_unit_test_setup(test_ring_turns, begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
