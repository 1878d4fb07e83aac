/* SPDX-License-Identifier: MIT
 *
 * "Nothing changes for the program." Lua programs of every kind run once in an ordinary Lua state, and then
 * again and again as services that are stopped every 100 us in the middle of whatever they do and go on on
 * other threads. Every answer must be the same text.
 *
 * Three parts: with the JIT compiler; without; with it, while slots are also taken away from their threads and
 * tracebacks are taken. Parks are counted, and those after which a service went on on another thread: fewer than
 * were asked for fail the test, so it cannot pass on a machine on which nothing is parked.
 *
 * stress_park [seed [parks]]; ./dev parks runs a million under each of the sanitizers.
 */
#include "tests/stress/kit.h"
#include "core/clock.h"
#include "core/mem.h"
#include "core/text.h"
#include "luabind/callsite.h"
#include "luabind/landmarks.h"
#include "luabind/luabind.h"
#include "sched/park.h"

#include <lauxlib.h>
#include <lualib.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	WORKLOADS_MAX = 64,
	ANSWER_BYTES = 128,
	SERVICES = 10, /* more than can be detached at a time and run beside that */
	WORKERS = 3,
	SPARES = 4,
	RUNS_MAX = 12, /* of one service, before it is killed and another one is launched */
	THREADS_MAX = 64,
};

/* For an answer: CPU of the whole process, since nobody knows how much of the machine is ours; and wall time, for
 * the case that all sleep. */
static const int64_t PATIENCE_CPU_NS = 90 * NS_PER_S, PATIENCE_WALL_NS = 600 * NS_PER_S;

/* ---- the right answers ---- */

struct workload {
	char name[32];
	char answer[ANSWER_BYTES];
	unsigned runs;
};

static struct workload workload[WORKLOADS_MAX];
static int workloads;
static int scale; /* their `n` in this part */

static void must(lua_State *L, int status)
{
	check(status == 0, "%s", lua_tostring(L, -1));
}

static void add_workload(const char *name)
{
	check(workloads < WORKLOADS_MAX && strlen(name) < sizeof(workload[0].name), "too many");
	strcpy(workload[workloads++].name, name);
}

static void list_workloads(lua_State *L)
{
	workloads = 0;
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
		add_workload(lua_tostring(L, -2));
}

/* In a state of its own, on the main thread, before there is anybody who could interrupt. */
static void find_answers(const char *path, bool jit)
{
	lua_State *L = luaL_newstate();
	luaL_openlibs(L);
	if (!jit)
		must(L, luaL_dostring(L, "jit.off()"));
	must(L, luaL_dofile(L, path));
	list_workloads(L);
	for (int i = 0; i < workloads; i++) {
		lua_getfield(L, -1, workload[i].name);
		lua_pushinteger(L, scale);
		must(L, lua_pcall(L, 1, 1, 0));
		snprintf(workload[i].answer, ANSWER_BYTES, "%s", lua_tostring(L, -1));
		workload[i].runs = 0;
		lua_pop(L, 1);
	}
	lua_close(L);
}

/* ---- is the thread as it should be? ---- */

/* What we know of the thread with that index. */
static struct {
	_Atomic int32_t tid; /* 0: never seen */
	void *alternate;
	char stack[16384];
} seen[THREADS_MAX];

static _Atomic uint64_t visits;

void stress_visit(void);

/* Called by the services through the FFI, on whatever thread they are. sigreturn installs the alternate
 * signal stack that the frame names: it must have stayed the thread's own. */
__attribute__((visibility("default"))) void stress_visit(void)
{
	struct thread *t = thread_self();
	int32_t tid = (int32_t)gettid();
	stack_t now;
	check(t && load_relaxed(&t->tid) == tid, "a service is on a thread that is none of ours");
	check(t->index < THREADS_MAX && sigaltstack(NULL, &now) == 0, "no signal stack");
	if (load_relaxed(&seen[t->index].tid) != tid) {
		if (now.ss_flags & SS_DISABLE) { /* sanitizers bring one along */
			now = (stack_t){.ss_sp = seen[t->index].stack,
					.ss_size = sizeof(seen[t->index].stack)};
			check(sigaltstack(&now, NULL) == 0, "no signal stack");
		}
		seen[t->index].alternate = now.ss_sp;
		store_relaxed(&seen[t->index].tid, tid);
	}
	check(!(now.ss_flags & SS_DISABLE) && now.ss_sp == seen[t->index].alternate,
	      "thread %d lost its alternate signal stack", t->index);
	add_relaxed(&visits, 1);
}

/* ---- the services and who asks them ---- */

struct figures {
	uint64_t parks[TIER_COUNT], moves, runs, services;
};

struct slot {
	struct service *service; /* our reference; NULL: none */
	int workload;            /* that it works on */
	int left;                /* runs until it is replaced */
	int64_t since_ns, since_cpu_ns;
	/* Written by the collector. */
	char answer[ANSWER_BYTES];
	_Atomic bool answered;
};

static struct slot slot[SERVICES];
static struct service *collector;
static sem_t answers;
static bool jit_now;

static void collect(struct service *s, struct message *m)
{
	(void)s;
	check(m->session > 0 && m->session <= SERVICES, "an answer to nothing");
	struct slot *at = &slot[m->session - 1];
	check(!load_relaxed(&at->answered), "answered twice");
	size_t n = m->size_bytes < ANSWER_BYTES ? m->size_bytes : ANSWER_BYTES - 1;
	if (m->data)
		memcpy(at->answer, m->data, n);
	at->answer[n] = '\0';
	if (m->type == MESSAGE_ERROR)
		strcpy(at->answer, "(an error)");
	store_release(&at->answered, true); /* pairs with the acquire in attend */
	message_free(m);
	sem_post(&answers);
}

static void nothing(struct service *s)
{
	(void)s;
}

static void no_interrupt(struct service *s, enum interrupt_why why, uintptr_t pc,
			 enum park_tier tier)
{
	(void)s, (void)why, (void)pc, (void)tier;
}

static enum parked_fate no_fate(struct service *s, enum park_tier tier, bool late)
{
	(void)s, (void)tier;
	return FATE_RUN_ON;
}

static const struct service_body collector_body = {
	.kind = "collector",
	.deliver = collect,
	.close = nothing,
	.abandon = nothing,
	.interrupt = no_interrupt,
	.fate = no_fate,
};

static void options_for(const char *name, struct vm_options *out)
{
	(void)name;
	/* With a longer one, who was stopped would still be the first in the queue and stay where it is. */
	*out = (struct vm_options){.sched = {.slice_ns = 50 * NS_PER_US, .weight = 100}, .jit = jit_now};
}

static int64_t process_cpu_ns(void)
{
	return (int64_t)clock() * (NS_PER_S / CLOCKS_PER_SEC);
}

/* Prefers what ran least. */
static int choose(uint64_t *random)
{
	int best = (int)(kit_random(random) % (uint32_t)workloads);
	for (int k = 0; k < 4; k++) {
		int other = (int)(kit_random(random) % (uint32_t)workloads);
		if (workload[other].runs < workload[best].runs)
			best = other;
	}
	return best;
}

static void ask_slot(struct slot *at, uint64_t *random)
{
	char *text = mem_alloc(64);
	at->workload = choose(random);
	int n = snprintf(text, 64, "%s %d", workload[at->workload].name, scale);
	workload[at->workload].runs++;
	at->since_ns = clock_mono_ns();
	at->since_cpu_ns = process_cpu_ns();
	store_relaxed(&at->answered, false);
	check(sched_post(service_handle(collector), service_handle(at->service), MESSAGE_LUA,
			 (int32_t)(at - slot) + 1, text, (size_t)n),
	      "a service has died");
}

static void launch(struct slot *at, uint64_t *random)
{
	uint32_t handle = vm_launch("stress_worker", 1);
	at->service = service_grab(handle);
	check(at->service != NULL, "no service");
	at->left = 1 + (int)(kit_random(random) % RUNS_MAX);
	ask_slot(at, random);
}

static void add_figures(struct figures *sum, const struct service *s)
{
	for (int i = 0; i < TIER_COUNT; i++)
		sum->parks[i] += load_relaxed(&s->parks[i]);
	sum->moves += load_relaxed(&s->moves);
}

static void retire(struct slot *at, struct figures *sum)
{
	sched_doom(at->service);
	add_figures(sum, at->service);
	service_release(at->service);
	at->service = NULL;
	sum->services++;
}

/* Looks at one service; false: it has nothing to do any more. */
static bool attend(struct slot *at, bool enough, struct figures *sum, uint64_t *random)
{
	if (at->service == NULL)
		return false;
	struct workload *w = &workload[at->workload];
	if (!load_acquire(&at->answered)) {
		int64_t cpu = process_cpu_ns() - at->since_cpu_ns;
		check(cpu < PATIENCE_CPU_NS && clock_mono_ns() - at->since_ns < PATIENCE_WALL_NS,
		      "%s does not end (:%08x, %s, %.1f s of CPU)", w->name,
		      service_handle(at->service),
		      service_status_name(load_relaxed(&at->service->status)),
		      (double)load_relaxed(&at->service->cpu_ns) / NS_PER_S);
		return true;
	}
	check(strcmp(at->answer, w->answer) == 0, "%s (jit %s) says %s instead of %s", w->name,
	      jit_now ? "on" : "off", at->answer, w->answer);
	sum->runs++;
	if (--at->left > 0 && !enough) {
		ask_slot(at, random);
		return true;
	}
	retire(at, sum);
	if (!enough)
		launch(at, random);
	return !enough;
}

/* ---- the parts ---- */

struct part {
	const char *name;
	bool jit;
	int scale, percent; /* of the parks */
	struct torment torment;
};

static const struct part part[] = {
	{"jit on", true, 4, 50, {.pause_ns = 100 * NS_PER_US}},
	{"jit off", false, 1, 25, {.pause_ns = 100 * NS_PER_US}},
	{"hand-offs and probes",
	 true,
	 4,
	 25,
	 {.pause_ns = 100 * NS_PER_US, .hand_off_each = 300, .probe_each = 40}},
};

static uint64_t refused(void)
{
	uint64_t sum = 0;
	for (int i = 0; i < thread_count(); i++)
		sum += load_relaxed(&thread_at(i)->refused);
	return sum;
}

static void report(const struct part *p, const struct figures *sum,
		   const struct torment_figures *torment, uint64_t refused_before, int64_t took_ns)
{
	printf("%s: %llu parks in machine code, %llu in the library, %llu went on elsewhere, "
	       "%llu refused; %llu hand-offs, %llu probes, %llu seen; %llu runs of %d programs, "
	       "%llu services, %.1f s\n",
	       p->name, (unsigned long long)sum->parks[TIER_MACHINE_CODE],
	       (unsigned long long)sum->parks[TIER_VM], (unsigned long long)sum->moves,
	       (unsigned long long)(refused() - refused_before),
	       (unsigned long long)sum->parks[TIER_FOREIGN], (unsigned long long)torment->probes,
	       (unsigned long long)torment->evidence, (unsigned long long)sum->runs, workloads,
	       (unsigned long long)sum->services, (double)took_ns / NS_PER_S);
	fflush(stdout);
}

/* What a part must have shown; NULL: all of it. How often a service goes on elsewhere, or is stopped in machine code, depends on
 * what the host gives to the threads: so a part runs until it has shown it, however many parks that takes. */
static const char *missing(const struct part *p, const struct figures *sum, uint64_t parks)
{
	uint64_t machine = sum->parks[TIER_MACHINE_CODE], library = sum->parks[TIER_VM];
	if (machine + library < parks)
		return "too few parks";
	if (library < parks / 20)
		return "hardly any parks in the library";
	if (p->jit && machine < parks / 20)
		return "hardly any parks in machine code";
	if (sum->moves < parks / 10)
		return "they went on on the same thread";
	if (p->torment.hand_off_each && sum->parks[TIER_FOREIGN] == 0)
		return "no hand-off";
	for (int i = 0; i < workloads; i++)
		if (workload[i].runs == 0)
			return "not every program ran";
	return sum->runs < (uint64_t)workloads * 2 ? "too few runs" : NULL;
}

static struct figures so_far(const struct figures *sum)
{
	struct figures all = *sum;
	for (int i = 0; i < SERVICES; i++)
		if (slot[i].service)
			add_figures(&all, slot[i].service);
	return all;
}

static struct figures run_until_shown(const struct part *p, uint64_t parks, uint64_t *random)
{
	struct figures sum = {0};
	bool enough = false, busy = true;
	int64_t begin_ns = process_cpu_ns();
	for (int i = 0; i < SERVICES; i++)
		launch(&slot[i], random);
	while (busy) {
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += 1;
		sem_timedwait(&answers, &until);
		struct figures all = so_far(&sum);
		enough = enough || missing(p, &all, parks) == NULL ||
			 process_cpu_ns() - begin_ns > PATIENCE_CPU_NS;
		busy = false;
		for (int i = 0; i < SERVICES; i++)
			busy |= attend(&slot[i], enough, &sum, random);
	}
	return sum;
}

static void judge(const struct part *p, const struct figures *sum,
		  const struct torment_figures *torment, uint64_t parks)
{
	const char *fault = missing(p, sum, parks);
	check(fault == NULL, "%s: %s", p->name, fault);
	check(p->jit || sum->parks[TIER_MACHINE_CODE] == 0, "parks in machine code without a compiler");
	check(p->torment.probe_each == 0 || torment->evidence > 0, "no evidence");
}

static void run_part(const struct part *p, const char *path, uint64_t parks, struct figures *total,
		     uint64_t *random)
{
	int64_t begin = clock_mono_ns();
	uint64_t before = refused();
	scale = p->scale;
	jit_now = p->jit;
	find_answers(path, p->jit);
	torment_start(&p->torment, ((uint64_t)kit_random(random) << 32) | kit_random(random));
	struct figures sum = run_until_shown(p, parks, random);
	kit_wait_living(1); /* the collector */
	struct torment_figures torment = torment_stop();
	report(p, &sum, &torment, before, clock_mono_ns() - begin);
	judge(p, &sum, &torment, parks);
	for (int i = 0; i < TIER_COUNT; i++)
		total->parks[i] += sum.parks[i];
	total->moves += sum.moves;
}

/* `parks` in all, by the parts' percentages; the last part makes up for what was rounded. */
static void run_parts(const char *path, uint64_t parks, uint64_t *random)
{
	struct figures total = {0};
	uint64_t left = parks;
	for (size_t i = 0; i < COUNT_OF(part); i++) {
		bool last = i == COUNT_OF(part) - 1;
		uint64_t now = last ? left : parks * (uint64_t)part[i].percent / 100;
		run_part(&part[i], path, now, &total, random);
		left -= now;
	}
	uint64_t done = total.parks[TIER_MACHINE_CODE] + total.parks[TIER_VM];
	check(done >= parks && total.moves >= parks / 10, "%llu parks and %llu moves",
	      (unsigned long long)done, (unsigned long long)total.moves);
	printf("stress_park: %llu parks, after %llu of them on another thread; %llu hand-offs\n",
	       (unsigned long long)done, (unsigned long long)total.moves,
	       (unsigned long long)total.parks[TIER_FOREIGN]);
}

static void start_collector(void)
{
	struct service *s = service_new(&collector_body, "collector", 0, &settings_preset[CLASS_NORMAL]);
	check(service_publish(s) != 0, "no handle");
	collector = s;
}

static void set_paths(char *workloads_path, size_t size)
{
	kit_services_from("tests/stress/workloads");
	snprintf(workloads_path, size, "%s/tests/stress/workloads/workloads.lua", getenv("EQUILUNE_SOURCE"));
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)clock_wall_ns();
	uint64_t parks = WITH_TSAN || WITH_ASAN ? 12000 : 40000;
	uint64_t random = seed | 1;
	char path[512];
	if (argc > 2)
		parks = strtoull(argv[2], NULL, 0);
	printf("stress_park: seed %llu, %llu parks\n", (unsigned long long)seed,
	       (unsigned long long)parks);
	fflush(stdout);
	set_paths(path, sizeof(path));
	sem_init(&answers, 0, 0);
	vm_options_for = options_for;
	kit_start(WORKERS, 0, SPARES, vm_library_address());
	landmarks_init();
	callsite_init();
	check(callsite_known(), "nobody knows how LuaJIT calls C functions");
	check(park_is_possible() && text_fragile_count() > 0, "this machine cannot park");
	start_collector();
	run_parts(path, parks, &random);
	check(vm_abandoned() == 0, "%llu services were abandoned",
	      (unsigned long long)vm_abandoned());
	sched_doom(collector);
	kit_stop();
	printf("stress_park: ok, %llu visits\n", (unsigned long long)load_relaxed(&visits));
	return 0;
}
