/* SPDX-License-Identifier: MIT
 *
 * Services are killed wherever they are: in machine code, in the collector, in a finalizer, in callbacks from
 * the library, while they start, between two messages. Whatever the moment: the service ends, its objects are
 * finalized once each or its VM is counted as abandoned, its handle is gone and its memory is back.
 *
 * stress_kill [seed [kills]]
 */
#include "tests/stress/kit.h"
#include "core/clock.h"
#include "core/mem.h"
#include "luabind/luabind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	WORKERS = 3,
	SPARES = 4,
	AT_A_TIME = 12,
	OBJECTS_MAX = 8192,
	LIVES_MAX_NS = 6 * 1000 * 1000, /* from the launch to the kill */
	HARD_LIVES_NS = 300 * 1000 * 1000,
	WARM_UP = 150, /* kills until memory is compared */
	GROWTH_BYTES = 3 << 20,
};

static const char *const easy[] = {
	"compiled", "table_churn", "objects",   "stubborn", "coroutines",
	"sort",     "gsub",        "recursion", "compiler", "garbage",
	"mixture",  "ffi",         "buffers",   "idle",     "start",
};

/* Each costs its CPU limit of a second before it is abandoned. */
static const char *const hard[] = {"hard_find", "hard_finalizer", "hard_handler"};

/* ---- objects with finalizers ---- */

/* One slot of the driver; its services run one after the other. */
struct victim {
	struct service *service; /* our reference, NULL: none */
	const char *kind;
	int64_t due_ns;
	_Atomic int created, finalized;
	_Atomic bool gone[OBJECTS_MAX];
};

static struct victim victim[AT_A_TIME];
static uint64_t created_sum, finalized_sum, unfinished;

void kill_created(int number, int object);
void kill_finalized(int number, int object);

__attribute__((visibility("default"))) void kill_created(int number, int object)
{
	check(number >= 0 && number < AT_A_TIME && object < OBJECTS_MAX, "nonsense is created");
	add_relaxed(&victim[number].created, 1);
}

__attribute__((visibility("default"))) void kill_finalized(int number, int object)
{
	check(number >= 0 && number < AT_A_TIME && object < OBJECTS_MAX, "nonsense is finalized");
	check(!exchange_acq_rel(&victim[number].gone[object], true), "finalized twice");
	add_relaxed(&victim[number].finalized, 1);
}

/* ---- victims ---- */

static bool jit_now;

static void options_for(const char *name, struct vm_options *out)
{
	(void)name;
	*out = (struct vm_options){.sched = {.slice_ns = 50 * NS_PER_US, .weight = 100}, .jit = jit_now};
}

static void launch(struct victim *v, const char *kind, uint64_t *random)
{
	char line[64];
	jit_now = kit_random(random) % 5 != 0;
	v->kind = kind;
	v->due_ns = clock_mono_ns() + kit_random(random) % LIVES_MAX_NS;
	if (strncmp(kind, "hard", 4) == 0)
		v->due_ns += HARD_LIVES_NS; /* it should have got there */
	store_relaxed(&v->created, 0);
	store_relaxed(&v->finalized, 0);
	for (int i = 0; i < OBJECTS_MAX; i++)
		store_relaxed(&v->gone[i], false);
	snprintf(line, sizeof(line), "stress_victim %d %s", (int)(v - victim), kind);
	uint32_t handle = vm_launch(line, 1);
	v->service = service_grab(handle);
	check(v->service != NULL, "no service");
	sched_post(0, handle, MESSAGE_LUA, 0, NULL, 0);
}

static bool is_dead(const struct victim *v)
{
	return load_acquire(&v->service->status) == SERVICE_DEAD;
}

static void bury(struct victim *v)
{
	int created = load_relaxed(&v->created), finalized = load_relaxed(&v->finalized);
	created_sum += (uint64_t)created;
	finalized_sum += (uint64_t)finalized;
	/* It may have been stopped between making an object and telling us. */
	check(finalized <= created + 1, "%s: %d of %d objects", v->kind, finalized, created);
	unfinished += finalized < created;
	service_release(v->service);
	v->service = NULL;
}

static void kill_one(struct victim *v)
{
	uint32_t handle = service_handle(v->service);
	check(sched_doom(v->service), "it was dead already");
	check(service_grab(handle) == NULL, "its handle is still there");
	check(!sched_doom(v->service), "killed twice");
	v->due_ns = 0;
}

/* Kills `kills` services of these kinds. */
static void massacre(const char *const *kind, size_t kinds, int kills, uint64_t *random)
{
	int launched = 0, living = 0;
	int64_t limit_ns = clock_mono_ns() + 60 * NS_PER_S;
	do {
		living = 0;
		for (int i = 0; i < AT_A_TIME; i++) {
			struct victim *v = &victim[i];
			if (v->service == NULL && launched < kills) {
				launch(v, kind[kit_random(random) % kinds], random);
				launched++;
			}
			if (v->service && v->due_ns && clock_mono_ns() >= v->due_ns)
				kill_one(v);
			if (v->service && v->due_ns == 0 && is_dead(v))
				bury(v);
			living += v->service != NULL;
			check(v->service == NULL || clock_mono_ns() < limit_ns,
			      "a service of kind %s does not end (:%08x, %s)", v->kind,
			      service_handle(v->service), service_status_name(v->service->status));
		}
		usleep(100);
	} while (living > 0);
	kit_wait_living(0);
}

static void report(const char *what, int kills, int64_t begin_ns)
{
	printf("%s: %d kills, %llu objects, %llu finalized, %llu VMs with some that were not, %llu "
	       "abandoned, %zu bytes allocated, %.1f s\n",
	       what, kills, (unsigned long long)created_sum, (unsigned long long)finalized_sum,
	       (unsigned long long)unfinished, (unsigned long long)vm_abandoned(),
	       mem_allocated_bytes(), (double)(clock_mono_ns() - begin_ns) / NS_PER_S);
	fflush(stdout);
}

/* Killed in machine code inside of a finalizer, nothing can be compiled any more to make the VM forget that. */
static void judge(int kills, bool hard_ones, uint64_t abandoned)
{
	check(unfinished <= vm_abandoned(), "finalizers did not run, and nobody was abandoned");
	check(hard_ones ? abandoned > 0 : abandoned <= (uint64_t)kills / 50,
	      "%llu VMs were abandoned", (unsigned long long)abandoned);
}

static void part(const char *name, int kills, bool hard_ones, struct torment torment,
		 uint64_t *random)
{
	int64_t begin = clock_mono_ns();
	uint64_t abandoned = vm_abandoned();
	torment_start(&torment, ((uint64_t)kit_random(random) << 32) | kit_random(random));
	if (hard_ones)
		massacre(hard, COUNT_OF(hard), kills, random);
	else
		massacre(easy, COUNT_OF(easy), kills, random);
	torment_stop();
	report(name, kills, begin);
	judge(kills, hard_ones, vm_abandoned() - abandoned);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)clock_wall_ns();
	int kills = argc > 2 ? atoi(argv[2]) : WITH_TSAN || WITH_ASAN ? 800 : 2500;
	struct torment plain = {.pause_ns = 100 * NS_PER_US};
	struct torment with_hand_offs = plain;
	with_hand_offs.hand_off_each = 400;
	with_hand_offs.probe_each = 50;
	uint64_t random = seed | 1;
	printf("stress_kill: seed %llu, %d kills\n", (unsigned long long)seed, kills);
	fflush(stdout);
	kit_services_from("tests/stress/workloads");
	vm_options_for = options_for;
	kit_start(WORKERS, 0, SPARES, vm_library_address());
	part("warm-up", WARM_UP, false, plain, &random);
	size_t before = mem_allocated_bytes();
	part("easy", kills / 2, false, plain, &random);
	part("hand-offs", kills / 2, false, with_hand_offs, &random);
	part("hard", 6, true, plain, &random);
	size_t after = mem_allocated_bytes();
	check(after <= before + GROWTH_BYTES, "memory grew by %zu bytes", after - before);
	kit_stop();
	printf("stress_kill: ok\n");
	return 0;
}
