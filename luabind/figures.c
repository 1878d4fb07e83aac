/* SPDX-License-Identifier: MIT
 *
 * What a service can learn about itself and others: skynet.stat, and the tables of skynet.sched.
 */
#include "core/clock.h"
#include "core/fde.h"
#include "core/mem.h"
#include "luabind/api.h"
#include "luabind/vm.h"
#include "sched/accounts.h"
#include "sched/sched.h"

#include <lauxlib.h>
#include <string.h>

int64_t message_cpu_ns(struct service *s)
{
	int64_t mark = load_relaxed(&s->message_mark_ns);
	int64_t booked = load_relaxed(&s->message_cpu_ns);
	if (mark == 0)
		return booked;
	/* The message may have begun after the run did. */
	int64_t run = accounts_running_ns(s), wall = clock_mono_ns() - mark;
	return booked + (run < wall ? run : wall);
}

static double seconds(int64_t ns)
{
	return (double)ns / (double)NS_PER_S;
}

/* (what) -> number; unknown: 0, as in skynet. */
static int core_stat(lua_State *L)
{
	struct service *s = vm_of(L)->service;
	const char *what = luaL_checkstring(L, 1);
	lua_Number value = 0;
	if (strcmp(what, "mqlen") == 0)
		value = mailbox_length(&s->mailbox);
	else if (strcmp(what, "endless") == 0)
		value = exchange_acq_rel(&s->endless, false);
	else if (strcmp(what, "cpu") == 0)
		value = seconds(accounts_cpu_ns(s));
	else if (strcmp(what, "time") == 0)
		value = seconds(message_cpu_ns(s));
	else if (strcmp(what, "message") == 0)
		value = (lua_Number)load_relaxed(&s->messages);
	lua_pushnumber(L, value);
	return 1;
}

static void set_number(lua_State *L, const char *key, double value)
{
	lua_pushnumber(L, value);
	lua_setfield(L, -2, key);
}

static void set_string(lua_State *L, const char *key, const char *text)
{
	lua_pushstring(L, text);
	lua_setfield(L, -2, key);
}

/* What is shown of one service: read while there is a reference, shown after. Making tables may raise, and a
 * reference must not leak. */
struct figures {
	uint32_t handle;
	char name[sizeof(((struct service *)0)->name)];
	const char *status;
	struct runq_figures runq;
	struct settings settings;
	int64_t cpu_ns;
	uint64_t messages, parks_compiled, parks_library, handoffs, holds;
	uint32_t mqlen;
	int64_t tasks, max_tasks;
	uint32_t mailbox_max, waiting;
	const char *policy; /* NULL: its mailbox has no bound, and the rest of this line is 0 */
	uint64_t rejected, dropped, waited;
	size_t memory_bytes, code_bytes;
	uint32_t code_flushes;
	const char *compiler;
	bool demoted;
	uint32_t interrupts, restarts;
};

static void read_bound(const struct mailbox *b, struct figures *f)
{
	f->mailbox_max = b->max;
	f->policy = NULL;
	f->rejected = load_relaxed(&b->rejected);
	f->dropped = load_relaxed(&b->dropped);
	if (b->max == 0)
		return;
	f->policy = bound_policy_name(b->bound->policy);
	f->waited = load_relaxed(&b->bound->waited);
	f->waiting = load_relaxed(&b->bound->waiting);
}

/* false: there is no such service any more. */
static bool read_figures(uint32_t handle, struct figures *f)
{
	struct service *s = handle ? service_grab(handle) : NULL;
	if (s == NULL)
		return false;
	f->handle = handle;
	memcpy(f->name, s->name, sizeof(f->name));
	f->status = service_status_name(load_relaxed(&s->status));
	runq_figures(&sched.queue, &s->entry, clock_mono_ns(), &f->runq);
	sched_settings_of(s, &f->settings);
	f->cpu_ns = accounts_cpu_ns(s);
	f->messages = load_relaxed(&s->messages);
	f->parks_compiled = load_relaxed(&s->parks[TIER_MACHINE_CODE]);
	f->parks_library = load_relaxed(&s->parks[TIER_VM]);
	f->handoffs = load_relaxed(&s->parks[TIER_FOREIGN]);
	f->holds = load_relaxed(&s->holds);
	f->mqlen = mailbox_length(&s->mailbox);
	f->tasks = load_relaxed(&s->tasks);
	f->max_tasks = load_relaxed(&s->max_tasks);
	read_bound(&s->mailbox, f);
	f->memory_bytes = load_relaxed(&s->memory_bytes);
	f->code_bytes = load_relaxed(&s->code_bytes);
	f->code_flushes = load_relaxed(&s->code_flushes);
	f->compiler = load_relaxed(&s->compiler);
	f->demoted = load_relaxed(&s->demoted);
	f->interrupts = load_relaxed(&s->interrupts);
	f->restarts = load_relaxed(&s->restarts);
	service_release(s);
	return true;
}

static void push_figures(lua_State *L, const struct figures *f)
{
	lua_createtable(L, 0, 40);
	set_number(L, "address", f->handle);
	set_string(L, "name", f->name);
	set_string(L, "status", f->status);
	set_string(L, "class", settings_class_name(f->settings.class));
	set_number(L, "weight", f->settings.weight);
	set_number(L, "slice", seconds(f->settings.slice_ns));
	set_number(L, "credit", seconds(f->settings.credit_ns));
	lua_pushboolean(L, f->settings.group);
	lua_setfield(L, -2, "group");
	lua_pushboolean(L, f->demoted);
	lua_setfield(L, -2, "demoted");
	set_number(L, "interrupts", f->interrupts);
	set_number(L, "restarts", f->restarts);
	set_number(L, "cpu", seconds(f->cpu_ns));
	set_number(L, "messages", (double)f->messages);
	set_number(L, "mqlen", f->mqlen);
	set_number(L, "tasks", (double)f->tasks);
	set_number(L, "max_tasks", (double)f->max_tasks);
	if (f->policy) {
		set_number(L, "mailbox_max", f->mailbox_max);
		set_string(L, "mailbox_policy", f->policy);
		set_number(L, "rejected", (double)f->rejected);
		set_number(L, "dropped", (double)f->dropped);
		set_number(L, "blocked", (double)f->waited);
		set_number(L, "blocked_now", f->waiting);
	}
	set_number(L, "preemptions", (double)(f->parks_compiled + f->parks_library));
	set_number(L, "parks_compiled", (double)f->parks_compiled);
	set_number(L, "parks_library", (double)f->parks_library);
	set_number(L, "handoffs", (double)f->handoffs);
	set_number(L, "holds", (double)f->holds);
	set_number(L, "share_1s", f->runq.share_1s);
	set_number(L, "share_10s", f->runq.share_10s);
	set_number(L, "lag", seconds(f->runq.lag_ns));
	set_number(L, "waits", (double)f->runq.waits);
	set_number(L, "wait_p50", seconds(f->runq.wait_p50_ns));
	set_number(L, "wait_p99", seconds(f->runq.wait_p99_ns));
	set_number(L, "wait_max", seconds(f->runq.longest_wait_ns));
	set_number(L, "memory", (double)f->memory_bytes);
	if (f->compiler) {
		lua_pushstring(L, f->compiler);
		lua_setfield(L, -2, "jit");
		set_number(L, "mcode", (double)f->code_bytes);
		set_number(L, "mcode_flushes", f->code_flushes);
	}
}

/* () -> array of tables, by ascending handle */
static int core_services(lua_State *L)
{
	size_t room = handle_count() + 64;
	uint32_t *handle = lua_newuserdata(L, room * sizeof(*handle));
	size_t count = handle_list(handle, room);
	if (count > room)
		count = room;
	lua_createtable(L, (int)count, 0);
	int n = 0;
	for (size_t i = 0; i < count; i++) {
		struct figures f;
		if (!read_figures(handle[i], &f))
			continue;
		push_figures(L, &f);
		lua_rawseti(L, -2, ++n);
	}
	return 1;
}

/* (address|nil) -> table or nothing; nil is the calling service */
static int core_service(lua_State *L)
{
	struct figures f;
	uint32_t handle =
		lua_isnoneornil(L, 1) ? service_handle(vm_of(L)->service) : api_check_address(L, 1);
	if (!read_figures(handle, &f))
		return 0;
	push_figures(L, &f);
	return 1;
}

static int core_alive(lua_State *L)
{
	struct service *s = service_grab((uint32_t)(int64_t)luaL_checknumber(L, 1));
	if (s)
		service_release(s);
	lua_pushboolean(L, s != NULL);
	return 1;
}

/* services + overhead + idle + taken = workers * wall; detached is beside it. Seconds. */
static void push_accounts(lua_State *L)
{
	struct accounts a;
	accounts_read(&a);
	lua_createtable(L, 0, 10);
	set_number(L, "services", seconds(a.slots.services_ns));
	set_number(L, "overhead", seconds(a.slots.overhead_ns));
	set_number(L, "idle", seconds(a.slots.idle_ns));
	set_number(L, "taken", seconds(a.slots.taken_ns));
	set_number(L, "asleep", seconds(a.slots.asleep_ns));
	set_number(L, "detached", seconds(a.detached_ns));
	set_number(L, "ended", seconds(a.ended_ns));
	set_number(L, "wall", seconds(a.slots.wall_ns / sched.options.workers));
	set_number(L, "workers", sched.options.workers);
}

/* () -> totals of the scheduler */
static int core_sched(lua_State *L)
{
	lua_createtable(L, 0, 16);
	push_accounts(L);
	lua_setfield(L, -2, "cpu");
	set_number(L, "workers", sched.options.workers);
	set_number(L, "waiting", load_relaxed(&sched.queue.waiting));
	set_number(L, "signals", (double)load_relaxed(&sched.signals));
	set_number(L, "handoffs", (double)load_relaxed(&sched.handoffs));
	set_number(L, "holds", (double)load_relaxed(&sched.holds));
	set_number(L, "interrupted_syscalls", (double)load_relaxed(&sched.interrupted_syscalls));
	set_number(L, "not_aside", (double)load_relaxed(&sched.not_aside));
	set_number(L, "spares", thread_spare_count());
	set_number(L, "threads", thread_alive_count());
	set_number(L, "abandoned", (double)vm_abandoned());
	set_number(L, "mcode", (double)fde_area_bytes());
	set_number(L, "mcode_areas", (double)fde_area_count());
	set_number(L, "mcode_failures", (double)mcode_failures());
	set_number(L, "allocated", (double)mem_allocated_bytes());
	return 1;
}

const luaL_Reg *figures_functions(void)
{
	static const luaL_Reg functions[] = {
		{"stat", core_stat},   {"services", core_services}, {"service", core_service},
		{"alive", core_alive}, {"sched", core_sched},       {NULL, NULL},
	};
	return functions;
}
