/* SPDX-License-Identifier: MIT
 *
 * ns per Lua error that is raised and caught, beside 1, 1,000 and 10,000 VMs with compiled code, on one thread and
 * on two at once: bench_errors [VMS]. errors_libgcc is the same without the registry of core/fde.h: before libgcc 13
 * its figures grow with the VMs.
 *
 * Four kinds: of `error` and of an index of nil, caught in the frame next to it; raised below 20 Lua functions; and
 * raised through string.gsub, so through C frames. (None inside of compiled code: what is raised there in a loop
 * crashes LuaJIT 2.1 before June 2023.) Medians of 15 rounds; CPU time of one thread, with the ratio to 1 VM; and
 * "2 threads": wall time of an error on each of two threads that raise at the same time, so that waiting for each
 * other counts.
 */
#ifdef WITHOUT_REGISTRY
#define AREAS "libgcc's"
#else
#include "core/fde.h"
#define AREAS (fde_is_active() ? "ours" : "libgcc's, for it does not call ours")
#endif

#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 15, STEPS = 3, KINDS = 4, THREADS = 2, VMS_MAX = 100000 };

static const struct {
	const char *name, *chunk;
	int loops;
} kind[KINDS] = {
	{"error", "return function(n) for i = 1, n do pcall(error, 'x') end end", 1000},
	{"index of nil",
	 "local function f(t) return t.x end\n"
	 "return function(n) for i = 1, n do pcall(f) end end",
	 1000},
	{"20 deep",
	 "local function f(d) if d == 0 then error('x') end return (f(d - 1)) end\n"
	 "return function(n) for i = 1, n do pcall(f, 20) end end",
	 1000},
	{"through gsub",
	 "local function f() error('x') end\n"
	 "return function(n) for i = 1, n do pcall(string.gsub, 'x', 'x', f) end end",
	 1000},
};

static lua_State *vm[VMS_MAX];
static int vm_count;

static int64_t now_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void must(lua_State *L, int status)
{
	if (status == 0)
		return;
	fprintf(stderr, "bench_errors: %s\n", lua_tostring(L, -1));
	exit(1);
}

static lua_State *new_vm(void)
{
	lua_State *L = luaL_newstate();
	if (L == NULL) {
		fprintf(stderr, "bench_errors: not enough memory\n");
		exit(1);
	}
	luaL_openlibs(L);
	return L;
}

static void add_vms(int wanted)
{
	for (; vm_count < wanted; vm_count++) {
		lua_State *L = vm[vm_count] = new_vm();
		must(L, luaL_dostring(L, "local x = 0 for i = 1, 200 do x = x + i end"));
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double measure(int which, clockid_t clock)
{
	lua_State *L = new_vm();
	double ns[ROUNDS];
	must(L, luaL_dostring(L, kind[which].chunk));
	for (int round = -1; round < ROUNDS; round++) { /* the first is for warming up */
		int64_t start_ns = now_ns(clock);
		lua_pushvalue(L, -1);
		lua_pushinteger(L, kind[which].loops);
		must(L, lua_pcall(L, 1, 0, 0));
		if (round >= 0)
			ns[round] = (double)(now_ns(clock) - start_ns) / kind[which].loops;
	}
	lua_close(L);
	qsort(ns, ROUNDS, sizeof(ns[0]), compare);
	return ns[ROUNDS / 2];
}

static pthread_barrier_t barrier;

struct racer {
	int kind;
	double ns;
};

static void *race(void *racer)
{
	struct racer *r = racer;
	pthread_barrier_wait(&barrier);
	r->ns = measure(r->kind, CLOCK_MONOTONIC);
	return NULL;
}

static double measure_together(int which)
{
	pthread_t thread[THREADS];
	struct racer racer[THREADS];
	double sum = 0;
	pthread_barrier_init(&barrier, NULL, THREADS);
	for (int i = 0; i < THREADS; i++) {
		racer[i] = (struct racer){which, 0};
		pthread_create(&thread[i], NULL, race, &racer[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		sum += racer[i].ns;
	}
	pthread_barrier_destroy(&barrier);
	return sum / THREADS;
}

int main(int argc, char **argv)
{
	int vms[STEPS] = {1, 1000, argc > 1 ? atoi(argv[1]) : 10000};
	if (vms[2] < 1 || vms[2] > VMS_MAX) {
		fprintf(stderr, "usage: bench_errors [VMS up to %d]\n", VMS_MAX);
		return 2;
	}
	printf("ns per caught error; the registry of machine code is %s\n", AREAS);
	printf("%-18s", "");
	for (int step = 0; step < STEPS; step++)
		printf(" %7d VMs   ratio  2 threads", vms[step]);
	printf("\n");
	double one[KINDS][STEPS], two[KINDS][STEPS];
	for (int step = 0; step < STEPS; step++) {
		add_vms(vms[step]);
		for (int k = 0; k < KINDS; k++) {
			one[k][step] = measure(k, CLOCK_THREAD_CPUTIME_ID);
			two[k][step] = measure_together(k);
		}
	}
	for (int k = 0; k < KINDS; k++) {
		printf("%-18s", kind[k].name);
		for (int step = 0; step < STEPS; step++)
			printf(" %11.0f %7.2f %10.0f", one[k][step], one[k][step] / one[k][0],
			       two[k][step]);
		printf("\n");
	}
	while (vm_count > 0)
		lua_close(vm[--vm_count]);
	return 0;
}
