/* SPDX-License-Identifier: MIT
 *
 * What a service can learn about itself and others: skynet.stat, and the tables of skynet.sched.
 */
#include "core/clock.h"
#include "core/mem.h"
#include "luabind/api.h"
#include "luabind/vm.h"
#include "sched/sched.h"

#include <lauxlib.h>
#include <string.h>

/* What the present run has used since the last booking. A detached service is booked when it comes home:
 * its thread has a CPU clock, but it is not ours to name here. */
static int64_t running_ns(const struct service *s)
{
	int64_t mark = load_relaxed(&s->message_mark_ns);
	bool on_slot = load_relaxed(&s->status) == SERVICE_RUNNING;
	return mark && on_slot ? clock_mono_ns() - mark : 0;
}

/* CPU including the present run; for the service itself and for displays. */
static int64_t cpu_ns_of(const struct service *s)
{
	return load_relaxed(&s->cpu_ns) + running_ns(s);
}

static int64_t message_ns_of(const struct service *s)
{
	return load_relaxed(&s->message_cpu_ns) + running_ns(s);
}

static double seconds(int64_t ns)
{
	return (double)ns / (double)NS_PER_S;
}

static uint64_t parks_of(const struct service *s)
{
	return load_relaxed(&s->parks[TIER_MACHINE_CODE]) + load_relaxed(&s->parks[TIER_VM]);
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
		value = seconds(cpu_ns_of(s));
	else if (strcmp(what, "time") == 0)
		value = seconds(message_ns_of(s));
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

/* Settings and live figures of one service as a table. Reads without the run queue's lock: a display. */
static void push_service(lua_State *L, const struct service *s)
{
	lua_createtable(L, 0, 16);
	set_number(L, "address", service_handle(s));
	lua_pushstring(L, s->name);
	lua_setfield(L, -2, "name");
	lua_pushstring(L, service_status_name(load_relaxed(&s->status)));
	lua_setfield(L, -2, "status");
	set_number(L, "weight", s->entry.node.fair.weight);
	set_number(L, "slice", seconds(s->entry.node.fair.slice_ns));
	set_number(L, "cpu", seconds(cpu_ns_of(s)));
	set_number(L, "messages", (double)load_relaxed(&s->messages));
	set_number(L, "mqlen", mailbox_length(&s->mailbox));
	set_number(L, "preemptions", (double)parks_of(s));
	set_number(L, "parks_compiled", (double)load_relaxed(&s->parks[TIER_MACHINE_CODE]));
	set_number(L, "parks_library", (double)load_relaxed(&s->parks[TIER_VM]));
	set_number(L, "handoffs", (double)load_relaxed(&s->parks[TIER_FOREIGN]));
	set_number(L, "wait_max", seconds(s->entry.longest_wait_ns));
	set_number(L, "memory", (double)load_relaxed(&s->memory_bytes));
}

/* () -> array of tables, by ascending handle */
static int core_services(lua_State *L)
{
	size_t count;
	struct service **list = sched_services(&count);
	/* Handles first: making tables may raise, and the references must not leak. */
	uint32_t *handle = lua_newuserdata(L, count * sizeof(*handle) + 1);
	for (size_t i = 0; i < count; i++) {
		handle[i] = service_handle(list[i]);
		service_release(list[i]);
	}
	mem_free(list);
	lua_createtable(L, (int)count, 0);
	int n = 0;
	for (size_t i = 0; i < count; i++) {
		struct service *s = service_grab(handle[i]);
		if (s == NULL)
			continue;
		/* Type-stable memory: reading after the release is safe, and at worst shows a newcomer. */
		service_release(s);
		push_service(L, s);
		lua_rawseti(L, -2, ++n);
	}
	return 1;
}

/* (address) -> table or nothing */
static int core_service(lua_State *L)
{
	uint32_t handle = api_check_address(L, 1);
	struct service *s = handle ? service_grab(handle) : NULL;
	if (s == NULL)
		return 0;
	service_release(s); /* see core_services */
	push_service(L, s);
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

/* () -> totals of the scheduler */
static int core_sched(lua_State *L)
{
	lua_createtable(L, 0, 8);
	set_number(L, "workers", sched.options.workers);
	set_number(L, "waiting", load_relaxed(&sched.queue.waiting));
	set_number(L, "signals", (double)load_relaxed(&sched.signals));
	set_number(L, "handoffs", (double)load_relaxed(&sched.handoffs));
	set_number(L, "spares", thread_spare_count());
	set_number(L, "abandoned", (double)vm_abandoned());
	set_number(L, "allocated", (double)mem_allocated_bytes());
	return 1;
}

void figures_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"stat", core_stat},   {"services", core_services}, {"service", core_service},
		{"alive", core_alive}, {"sched", core_sched},	    {NULL, NULL},
	};
	luaL_register(L, NULL, functions);
}
