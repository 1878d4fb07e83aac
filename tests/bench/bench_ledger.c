/* SPDX-License-Identifier: MIT
 *
 * What the accounts cost: ns per dispatch (into a body and out of it) without and with a look at the CPU clock,
 * and per copy of a reader. The least of 31 rounds: whoever disturbs us only adds.
 */
#include "core/clock.h"
#include "sched/ledger.h"

#include <stdio.h>

#define ROUNDS 31
#define LOOPS  20000

static struct ledger ledger;
static int64_t now_ns;

static void dispatch(void)
{
	now_ns += 20;
	ledger_is_due(&ledger, now_ns);
	ledger_move(&ledger, LEDGER_RUN, &ledger, now_ns);
	now_ns += 30;
	ledger_is_due(&ledger, now_ns);
	ledger_leave(&ledger, LEDGER_SCHED, now_ns);
}

static void dispatch_and_look(void)
{
	struct ledger_look look = {.cpu_ns = clock_self_cpu_ns()};
	ledger_look(&ledger, now_ns, &look);
	dispatch();
}

static void copy(void)
{
	struct ledger target;
	ledger_copy(&ledger, &target);
}

static double least_ns(void (*what)(void))
{
	double least = 1e9;
	for (int round = 0; round < ROUNDS; round++) {
		int64_t start = clock_mono_ns();
		for (int i = 0; i < LOOPS; i++)
			what();
		double ns = (double)(clock_mono_ns() - start) / LOOPS;
		least = ns < least ? ns : least;
	}
	return least;
}

int main(void)
{
	struct ledger_look first = {0};
	ledger_open(&ledger, 0);
	ledger_take(&ledger, 0, 0, &first);
	printf("a dispatch:          %6.1f ns\n", least_ns(dispatch));
	printf("the same and a look: %6.1f ns\n", least_ns(dispatch_and_look));
	printf("a copy:              %6.1f ns\n", least_ns(copy));
	return 0;
}
