/* SPDX-License-Identifier: MIT
 *
 * How a VM ends. Four ways, from gentle to hard:
 *
 *  1. Between two messages: lua_close, finalizers run, preemptible like a message.
 *  2. Killed while parked in machine code: the VM's data are consistent there, and lua_close works from
 *     another stack. One thing first: LuaJIT still believes that a trace runs (`jit_base`), and a finalizer
 *     that collects garbage or recurses deeply would act on it. Running any compiled loop to its end in a
 *     fresh coroutine of the VM resets that; whether the loop was compiled is known from the trace map.
 *     Where it was not (no room for machine code), way 4.
 *  3. Killed while parked inside the library: lua_close would crash (a table half resized, a collection
 *     half done), so it runs on with a hook that raises an error at every instruction, until its handler is
 *     out (way 1) or it is in machine code (way 2).
 *  4. Neither within its CPU limit (string.find for years, a loop in __gc): it is abandoned. No finalizer
 *     runs; the heap gives all memory back; its machine code and what its C modules hold stay behind.
 */
#include "luabind/vm.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/name.h"
#include "luabind/api.h"
#include "luabind/arguments.h"
#include "luabind/boot.h"
#include "luabind/callsite.h"
#include "luabind/enter.h"
#include "luabind/halfway.h"
#include "luabind/interrupt.h"
#include "luabind/landmarks.h"
#include "luabind/launchline.h"
#include "luabind/lease.h"
#include "luabind/made.h"
#include "luabind/mould.h"
#include "luabind/rawtable.h"
#include "luabind/seri_peek.h"
#include "luabind/stdlib.h"
#include "luabind/vmframe.h"
#include "sched/sched.h"

#include <lauxlib.h>
#include <luajit.h>
#include <string.h>

/* LuaJIT needs this much C stack to raise an error and unwind. */
enum { STACK_RESERVE_BYTES = 32 * 1024 };

/* Stack slots of the main state while it serves. */
enum { SLOT_TRACEBACK = 1, SLOT_CALLBACK = 2, SLOT_COLLECT = 3 };

void (*vm_options_for)(const char *service_name, struct vm_options *out);

static _Atomic uint64_t abandoned, abandoned_code_bytes;

uint64_t vm_abandoned(void)
{
	return load_relaxed(&abandoned);
}

uint64_t vm_abandoned_code_bytes(void)
{
	return load_relaxed(&abandoned_code_bytes);
}

void vm_init(void)
{
	mcode_init();
	landmarks_init();
	callsite_init();
	if (!rawtable_prove())
		log_printf(0, "info: tables of this LuaJIT (%s) look different: packing goes by its API, which is slower",
			   LUAJIT_VERSION);
	vmframe_learn();
}

void vm_prepare(void)
{
	if (!mould_make())
		log_printf(0, "info: VMs of this LuaJIT (%s) cannot be copied: services start slower", LUAJIT_VERSION);
}

const char *vm_version(void)
{
	return LUAJIT_VERSION;
}

const void *vm_library_address(void)
{
	return (const void *)(uintptr_t)lua_newstate;
}

static const char vm_key; /* its address is the registry key of the struct vm, in the mould */

/* In the mould, whose allocator is another. */
static struct vm *registered_vm(lua_State *L)
{
	lua_pushlightuserdata(L, (void *)(uintptr_t)&vm_key);
	lua_rawget(L, LUA_REGISTRYINDEX);
	struct vm *vm = lua_touserdata(L, -1);
	lua_pop(L, 1);
	return vm;
}

/* By its allocator: nearly everything that a service asks of us begins here, and each call of the API would count. */
struct vm *vm_of(lua_State *L)
{
	void *heap;
	return LIKELY(lua_getallocf(L, &heap) == heap_alloc) ? heap_owner(heap) : registered_vm(L);
}

void vm_register(lua_State *L, struct vm *vm)
{
	void *heap;
	if (lua_getallocf(L, &heap) == heap_alloc) {
		heap_set_owner(heap, vm);
		return;
	}
	lua_pushlightuserdata(L, (void *)(uintptr_t)&vm_key);
	if (vm)
		lua_pushlightuserdata(L, vm);
	else
		lua_pushnil(L);
	lua_rawset(L, LUA_REGISTRYINDEX);
}

static int add_traceback(lua_State *L)
{
	if (lua_isstring(L, 1))
		luaL_traceback(L, L, lua_tostring(L, 1), 1);
	else if (lua_isnoneornil(L, 1))
		lua_pushliteral(L, "(no error message)");
	else
		lua_settop(L, 1);
	return 1;
}

void vm_push_traceback(lua_State *L)
{
	lua_pushcfunction(L, add_traceback);
}

/* ---- protected calls into the VM ---- */

static int protected_call(struct vm *vm, int arguments, int results, int handler)
{
	struct vm_call call = {load_relaxed(&vm->L), arguments, results, handler, 0};
	struct service *s = vm->service;
	stack_call_marked(enter_call, &call, &s->mark);
	s->mark = 0;
	return hook_call_is_over(call.L, vm, call.status);
}

static void set_stack_floor(struct vm *vm)
{
	struct thread *t = thread_self();
	heap_set_stack_floor(vm->heap, (uintptr_t)t->stack->low + STACK_RESERVE_BYTES);
}

/* ---- start ---- */

static int on_panic(lua_State *L)
{
	log_printf(0, "error: a Lua error outside of every protected call: %s",
		   lua_tostring(L, -1) ? lua_tostring(L, -1) : "?");
	panic("LuaJIT panic");
	return 0;
}

/* (struct vm) -> the loader chunk: makes a VM of ours out of an empty one or a cast, protected. It only prepares: its own
 * frame is not parkable, so nothing of the user's may run below it. */
static int boot(lua_State *L)
{
	struct vm *vm = lua_touserdata(L, 1);
	if (vm->is_cast)
		vm_register(L, vm); /* from now on hooks do something */
	else
		boot_make(L, vm);
	mcode_open(L, vm);
	boot_adopt(L);
	return 1;
}

static void tell_launcher(struct service *s, const char *reason)
{
	uint32_t launcher = name_find("launcher");
	size_t line = strcspn(reason, "\n");
	char *text = mem_alloc(6 + line);
	memcpy(text, "ERROR ", 6);
	memcpy(text + 6, reason, line);
	if (launcher)
		sched_post(service_handle(s), launcher, MESSAGE_TEXT, 0, text, 6 + line);
	else
		mem_free(text);
}

/* A full collection may run finalizers, and an error in one is raised: protected only. */
static int collect(lua_State *L)
{
	lua_gc(L, LUA_GCCOLLECT, 0);
	return 0;
}

static void fail_start(struct vm *vm, const char *reason)
{
	struct service *s = vm->service;
	say_printf(service_handle(s), "lua loader error : %s", reason);
	if (log_wants(LOG_LEVEL_INFO))
		say_printf(service_handle(s), "KILL self");
	tell_launcher(s, reason);
	sched_doom(s);
	/* Nobody but the runtime waits for what the runtime launched (bootstrap, a logger): without it there is
	 * no shard. */
	if (s->creator == 0 && api_abort)
		api_abort(1);
}

static void start(struct vm *vm, struct message *m)
{
	lua_State *L = mould_cast(vm->heap);
	vm->is_cast = L != NULL;
	if (L == NULL) {
		heap_add_first(vm->heap);
		L = lua_newstate(heap_alloc, vm->heap);
	}
	vm->started = true;
	if (L == NULL) {
		fail_start(vm, "not enough memory for a VM");
		return;
	}
	lua_atpanic(L, on_panic);
	store_relaxed(&vm->L, L);
	/* What is pushed outside of protected calls must not meet the limit, which is set when all is there. */
	vm_push_traceback(L);
	lua_pushcfunction(L, collect);
	lua_pushcfunction(L, boot);
	lua_pushlightuserdata(L, vm);
	arguments_learn(L, vm);
	int status = protected_call(vm, 1, 1, SLOT_TRACEBACK);
	if (status == 0) {
		lua_pushlstring(L, m->data, m->size_bytes);
		heap_set_limit_bytes(vm->heap, vm->memlimit_bytes);
		status = protected_call(vm, 1, 0, SLOT_TRACEBACK);
	}
	if (status != 0 && !load_relaxed(&vm->service->doomed)) {
		/* The loader raises a table for what needs no traceback: a file that does not exist. */
		if (lua_istable(L, -1))
			lua_rawgeti(L, -1, 1);
		const char *reason = lua_tostring(L, -1);
		fail_start(vm, reason ? reason : "(error object is not a string)");
	}
	lua_settop(L, 2);
	made_drop(L);
	api_push_callback(L);
	lua_insert(L, SLOT_CALLBACK); /* the collector moves up to SLOT_COLLECT */
	vm->has_callback = lua_isfunction(L, SLOT_CALLBACK);
	/* Whoever launched it would wait for ever. What the runtime launches, which nobody waits for, may be a plain script. */
	if (status == 0 && !vm->has_callback && vm->service->creator != 0 && !load_relaxed(&vm->service->doomed))
		fail_start(vm, "its file has ended without skynet.start, so it would never get a message");
}

/* ---- messages ---- */

static void report(struct vm *vm, int status, const struct message *m, size_t size_bytes)
{
	struct service *s = vm->service;
	lua_State *L = load_relaxed(&vm->L);
	const char *text = lua_tostring(L, -1);
	uint32_t self = service_handle(s);
	add_relaxed(&s->errors, 1);
	if (status == LUA_ERRRUN)
		say_printf(self, "lua call [%x to :%x : %d msgsz = %d] error : \x1b[31m%s\x1b[0m",
			   m->source, self, m->session, (int)size_bytes,
			   text ? text : "(error object is not a string)");
	else
		say_printf(self, "lua %s error : [%x to :%x : %d]",
			   status == LUA_ERRMEM ? "memory" : "error in", m->source, self,
			   m->session);
	/* The dispatcher answers the requests of tasks that failed. Without memory it could not. */
	if (status != LUA_ERRRUN && requests_forget(&s->open, m->source, m->session))
		sched_answer_why(self, m->source, m->session,
				 status == LUA_ERRMEM ? "not enough memory" : "error in error handling");
}

static void call_back(struct vm *vm, struct message *m)
{
	lua_State *L = load_relaxed(&vm->L);
	size_t size_bytes = m->size_bytes;
	lua_settop(L, SLOT_COLLECT);
	arguments_push(L, vm, SLOT_CALLBACK, m);
	if (vm->forward)
		message_take_data(m); /* HANDOVER: the callback frees the payload or sends it on */
	int status = protected_call(vm, 5, 0, SLOT_TRACEBACK);
	if (status == 0)
		return;
	if (!load_acquire(&vm->service->doomed))
		report(vm, status, m, size_bytes);
	lua_settop(L, SLOT_COLLECT);
	/* LuaJIT collects nothing when an allocation is refused; without this every message would fail. */
	if (status == LUA_ERRMEM && !load_relaxed(&vm->service->doomed)) {
		lua_pushvalue(L, SLOT_COLLECT);
		protected_call(vm, 0, 0, 0);
		lua_settop(L, SLOT_COLLECT);
	}
}

static void deliver(struct service *s, struct message *m)
{
	struct vm *vm = s->state;
	vm->message = m; /* for free_vm, if this stack is never gone on with */
	set_stack_floor(vm);
	if (vm->is_short)
		mcode_look_again(load_relaxed(&vm->L), vm);
	if (!vm->started)
		start(vm, m);
	else if (vm->has_callback)
		call_back(vm, m);
	else if (message_is_request(m) && requests_forget(&s->open, m->source, m->session))
		sched_answer_why(service_handle(s), m->source, m->session,
				 "the service takes no messages");
	store_relaxed(&s->memory_bytes, heap_used_bytes(vm->heap));
	vm->message = NULL;
	message_free(m);
}

/* ---- end ---- */

static void free_vm(struct service *s)
{
	struct vm *vm = s->state;
	s->state = NULL;
	if (vm->message)
		message_free(vm->message);
	hook_term(vm);
	lease_end_all(vm);
	trace_term(&vm->traces);
	heap_delete(vm->heap);
	mem_free(vm);
}

/* A short loop, compiled and run to its end in a new coroutine: afterwards LuaJIT knows again that no trace
 * runs. Whether it was compiled is told by the map. */
static bool forget_running_trace(struct vm *vm, lua_State *L)
{
	uint64_t before = vm->traces.compiled;
	lua_gc(L, LUA_GCSTOP, 0);
	/* The state's own stack pointers are stale (they live in registers of the parked code), so nothing
	 * is done on it but making a coroutine. */
	lua_State *fresh = lua_newthread(L);
	int status = luaL_loadstring(fresh, "for i=1,500 do end");
	if (status == 0)
		status = lua_pcall(fresh, 0, 0, 0);
	return status == 0 && vm->traces.compiled > before;
}

static void abandon(struct service *s)
{
	struct vm *vm = s->state;
	store_relaxed(&s->memory_bytes, heap_used_bytes(vm->heap)); /* given back now: the log says it */
	add_relaxed(&abandoned, 1);
	store_relaxed(&s->abandoned, true);
	add_relaxed(&abandoned_code_bytes, trace_code_bytes(&vm->traces));
	log_printf(service_handle(s), "%s was abandoned: its finalizers did not run", s->name);
	free_vm(s);
}

static void close_vm(struct service *s)
{
	struct vm *vm = s->state;
	lua_State *L = load_relaxed(&vm->L);
	/* We are on another stack than the message that was cut off, and the end needs some memory. */
	set_stack_floor(vm);
	store_relaxed(&s->memory_bytes, heap_used_bytes(vm->heap));
	heap_set_limit_bytes(vm->heap, 0);
	if (L) {
		/* First, so that no probe arms its hook again; and off with any hook, the kill's own and the user's:
		 * they would keep the short loop from being compiled. */
		store_relaxed(&vm->L, NULL);
		lua_sethook(L, NULL, 0, 0);
	}
	if (L && s->grave && !forget_running_trace(vm, L)) {
		abandon(s);
		return;
	}
	if (L) {
		stack_call_marked(enter_close, L, &s->mark);
		s->mark = 0;
	}
	free_vm(s);
}

/* Where it stopped the collector may run. */
static bool is_closable(const struct service *s, const struct vm *vm)
{
	const struct trace_range *r = trace_find(&vm->traces, s->parked_pc);
	return r == NULL || !halfway_at((const uint8_t *)r->start, r->end - r->start,
					s->parked_pc - r->start);
}

static enum parked_fate fate(struct service *s, enum park_tier tier, bool late)
{
	struct vm *vm = s->state;
	if (late)
		return heap_is_busy(vm->heap) ? FATE_RUN_ON : FATE_ABANDON;
	if (load_relaxed(&vm->L) == NULL)
		return FATE_RUN_ON;
	return tier == TIER_MACHINE_CODE && is_closable(s, vm) ? FATE_CLOSE_HERE : FATE_RUN_ON;
}

const struct service_body vm_body = {
	.kind = "snlua",
	.deliver = deliver,
	.close = close_vm,
	.abandon = abandon,
	.interrupt = interrupt_vm,
	.witness = callsite_witness,
	.frame = vmframe_of,
	.fate = fate,
	.describe = describe_vm,
	.first_argument = seri_peek,
};

/* ---- launch ---- */

static struct vm *vm_new(struct service *s, const struct vm_options *options)
{
	struct vm *vm = mem_zalloc(sizeof(*vm));
	vm->service = s;
	vm->jit = options->jit && !options->debug_pairs; /* its line hook does not see compiled code */
	vm->lua54 = options->lua54;
	vm->debug_pairs = options->debug_pairs;
	vm->memlimit_bytes = options->memlimit_bytes;
	store_relaxed(&s->max_tasks, options->max_tasks);
	vm->mcode.limit_bytes = options->maxmcode_bytes;
	store_relaxed(&s->compiler, vm->jit ? "on" : "off");
	vm->heap = heap_new(0);
	return vm;
}

/* The config may have been reloaded between our first look at it and publishing the service, and then the
 * reload did not see it. Whoever reloads looks at the services after the new config is in force, and we look
 * at the config after the service is published: one of us sees the other. */
static void options_again(struct service *s, const struct vm_options *first)
{
	struct vm_options now;
	if (!vm_options_for)
		return;
	vm_options_for(s->name, &now);
	if (!settings_same(&now.sched, &first->sched))
		sched_change(s, &now.sched);
	service_set_limits(s, &now.limits);
}

uint32_t vm_launch(const char *line, uint32_t creator)
{
	struct vm_options options = {.sched = settings_preset[CLASS_NORMAL], .jit = true};
	char name[sizeof(((struct service *)0)->name)];
	launchline_name(line, name, sizeof(name));
	if (vm_options_for)
		vm_options_for(name, &options);
	struct service *s = service_new(&vm_body, name, creator, &options.sched);
	service_set_limits(s, &options.limits);
	s->state = vm_new(s, &options);
	if (options.mailbox_max)
		mailbox_set_bound(&s->mailbox, options.mailbox_max, options.mailbox_policy);
	/* The first message, before anybody else can send one. */
	char *text = mem_alloc(strlen(line) + 1);
	memcpy(text, line, strlen(line));
	struct message *dropped, *first = message_new(0, MESSAGE_TEXT, 0, text, strlen(line));
	ensure(mailbox_offer(&s->mailbox, first, &dropped) == MAILBOX_WOKE);
	object_hold(&s->object); /* it may end before we have logged it */
	uint32_t handle = service_publish(s);
	if (handle == 0) {
		message_free(mailbox_pop(&s->mailbox));
		free_vm(s);
	} else {
		char *said = mem_strdup(line);
		launchline_make_printable(said);
		options_again(s, &options);
		if (log_wants(LOG_LEVEL_INFO))
			say_printf(handle, "LAUNCH snlua %s", said);
		mem_free(said);
		sched_ready(s, false);
	}
	service_release(s);
	return handle;
}
