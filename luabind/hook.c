/* SPDX-License-Identifier: MIT
 *
 * The three count hooks: they run between two instructions of interpreted code, on the service's own thread.
 *
 * The hard one is hook_raise. Its error must end the task that runs, through every pcall, xpcall and coroutine of the
 * user's, so it is raised again at every further instruction; and the service must live on, so nothing of ours may be
 * hit: a lock that is released after an error, the report of a failed start, the dispatcher that answers the request.
 * Hence two rules:
 *
 *  - Nothing is raised in our own Lua files. They catch errors only to put things in order, and then raise them
 *    again or return into code of the user's.
 *  - When our code runs in the main state, the dispatcher has the task's error in its hands: the task is out, and the
 *    hook is taken off. Other tasks of the message, and the next messages, run as if nothing had happened.
 *
 * Code of the user's that the main state runs itself (a main chunk, skynet.filter) is raised at as well; there the
 * end of the call into the VM takes the hook off. Place and traceback are those of the first time; further up they
 * would name the line after a pcall.
 *
 * What is raised, by hook_kill too, is `not enough memory`: the one error for which LuaJIT calls no message handler.
 * An xpcall's handler would run inside the hook, with no hooks and on top of a frame of ours on which nobody can be
 * parked: one that loops would keep its thread for good. The text of an interrupt takes the place of that error in
 * the hands of our own code (hook_raised_for): the dispatcher, the report of a failed start.
 */
#include "luabind/interrupt.h"
#include "core/clock.h"
#include "core/mem.h"
#include "luabind/api.h"
#include "sched/park.h"

#include <lauxlib.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { LEVELS_MAX = 16 };

/* Takes our hook off and puts the user's back. */
static void disarm(lua_State *L, struct vm *vm)
{
	lua_sethook(L, NULL, 0, 0);
	if (vm->user_hook)
		lua_sethook(L, vm->user_hook, vm->user_hook_mask, vm->user_hook_count);
	vm->user_hook = NULL;
}

/* Appends; cuts when full. */
static size_t put_level(const lua_Debug *ar, char *out, size_t size)
{
	const char *name = ar->name ? ar->name : NULL;
	int n;
	if (ar->currentline > 0 && name)
		n = snprintf(out, size, "\t%s:%d: in function '%s'\n", ar->short_src,
			     ar->currentline, name);
	else if (ar->currentline > 0)
		n = snprintf(out, size, "\t%s:%d: in function <%s:%d>\n", ar->short_src,
			     ar->currentline, ar->short_src, ar->linedefined);
	else
		n = snprintf(out, size, "\t[C]: in function '%s'\n", name ? name : "?");
	return clipped(n, size);
}

/* What translated code calls for an operator is no place that its author knows. */
static bool is_operator(const lua_Debug *ar)
{
	static const char files[] = "@luabind/lua/lua54";
	return strncmp(ar->source, files, sizeof(files) - 1) == 0;
}

/* Without luaL_traceback: nothing may be allocated in the VM, which may be at its memory limit. */
void hook_traceback(lua_State *L, struct evidence *e)
{
	size_t used = 0;
	lua_Debug ar;
	for (int level = 0; level < LEVELS_MAX && lua_getstack(L, level, &ar); level++) {
		lua_getinfo(L, "Sln", &ar);
		if (e->place[0] == '\0' && ar.currentline > 0 && !is_operator(&ar))
			snprintf(e->place, sizeof(e->place), "%s:%d", ar.short_src, ar.currentline);
		used += put_level(&ar, e->traceback + used, sizeof(e->traceback) - used);
	}
	if (used > 0)
		e->traceback[used - 1] = '\0'; /* the last newline */
}

static const char empty_key; /* its address is the registry key of a table that stays empty */

void hook_open(lua_State *L)
{
	lua_pushlightuserdata(L, (void *)(uintptr_t)&empty_key);
	lua_newtable(L);
	lua_rawset(L, LUA_REGISTRYINDEX);
}

/* Raises `not enough memory`. A table that must grow is the one way of the API to allocate without giving the
 * collector, and finalizers with it, a turn before. */
static void throw_it(lua_State *L, struct vm *vm)
{
	lua_pushlightuserdata(L, (void *)(uintptr_t)&empty_key);
	lua_rawget(L, LUA_REGISTRYINDEX);
	lua_pushboolean(L, true);
	stack_scrub();
	heap_refuse_next(vm->heap);
	lua_rawseti(L, -2, 1);
}

void interrupt_hold(sigset_t *before)
{
	sigset_t park;
	sigemptyset(&park);
	sigaddset(&park, PARK_SIGNAL);
	pthread_sigmask(SIG_BLOCK, &park, before);
}

void interrupt_release(const sigset_t *before)
{
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

/* NULL: the hook does nothing, and fires again. The VM is being made; or there is hardly any C stack left, and what a hook
 * does takes some KB: the recursion comes back by itself, or ends as one that has used up its stack. */
static struct vm *vm_at_hook(lua_State *L)
{
	struct vm *vm = vm_of(L);
	return vm && !heap_stack_is_low(vm->heap) ? vm : NULL;
}

void hook_probe(lua_State *L, lua_Debug *ar)
{
	struct vm *vm = vm_at_hook(L);
	if (vm == NULL)
		return;
	struct evidence *e = exchange_acq_rel(&vm->service->evidence, NULL);
	disarm(L, vm);
	vm->met_call = 0; /* that one is over: see callsite.c */
	if (e == NULL)
		return;
	e->kind = "interpreted";
	hook_traceback(L, e);
	stack_scrub();
	store_release(&e->state, EVIDENCE_READY); /* pairs with the acquire in the monitor */
	(void)ar;
}

/* What was raised last, until the end of the call into the VM: the dispatcher still asks for the traceback. */
struct raised {
	bool out;       /* it has left its task, */
	bool told;      /* and the dispatcher was given its text */
	char text[256]; /* the error */
	struct evidence at;
};

/* Does our own Lua code run, or a C function that it has called (hooks fire at calls too)? */
static bool is_ours(lua_State *L)
{
	static const char files[] = "@luabind/lua/";
	lua_Debug ar;
	for (int level = 0; lua_getstack(L, level, &ar); level++) {
		lua_getinfo(L, "S", &ar);
		if (ar.what[0] != 'C')
			return strncmp(ar.source, files, sizeof(files) - 1) == 0;
	}
	return false;
}

static void put_reason(struct service *s, char *out, size_t size)
{
	long long ms = message_cpu_ns(s) / NS_PER_MS;
	uint32_t by = load_relaxed(&s->raise_by);
	if (by)
		snprintf(out, size, "interrupted by :%08x", by);
	else
		snprintf(out, size, "interrupted: used %lld.%03lld s of CPU in one message",
			 ms / 1000, ms % 1000);
}

static void note_raised(lua_State *L, struct vm *vm)
{
	char reason[96];
	struct raised *r = vm->raised ? vm->raised : mem_alloc(sizeof(*r));
	memset(r, 0, sizeof(*r));
	struct evidence *e = exchange_acq_rel(&vm->service->evidence, NULL);
	hook_traceback(L, &r->at);
	put_reason(vm->service, reason, sizeof(reason));
	snprintf(r->text, sizeof(r->text), "%s: %s", r->at.place, reason);
	if (e) {
		e->kind = "interpreted";
		memcpy(e->place, r->at.place, sizeof(e->place));
		memcpy(e->traceback, r->at.traceback, sizeof(e->traceback));
		store_release(&e->state, EVIDENCE_READY); /* pairs with the acquire in the monitor */
	}
	vm->raised = r;
}

static bool is_on_its_way(const struct vm *vm)
{
	return vm->raised && !vm->raised->out;
}

/* The error is out, or there is nothing to raise any more. */
static void stop_raising(lua_State *L, struct vm *vm)
{
	struct service *s = vm->service;
	sigset_t before;
	interrupt_hold(&before);
	/* First what arms it. What the monitor wants to interrupt later has another number, or comes after the
	 * count. */
	if (load_relaxed(&s->raise_number) == load_relaxed(&vm->raise_number))
		store_relaxed(&s->raise_number, 0);
	store_relaxed(&vm->raise_number, 0);
	if (lua_gethook(L) == hook_raise)
		disarm(L, vm);
	interrupt_release(&before);
	if (!is_on_its_way(vm))
		return;
	vm->raised->out = true;
	add_relaxed(&s->interrupts, 1);
}

/* In place of `not enough memory` at the top of the stack. */
static void put_text(lua_State *L, struct vm *vm)
{
	const struct raised *r = vm->raised;
	size_t limit = heap_limit_bytes(vm->heap);
	/* Outside of protected calls nothing may be refused. */
	heap_set_limit_bytes(vm->heap, 0);
	lua_pop(L, 1);
	lua_pushfstring(L, "%s\nstack traceback:\n%s", r->text, r->at.traceback);
	heap_set_limit_bytes(vm->heap, limit);
}

int hook_call_is_over(lua_State *L, struct vm *vm, int status)
{
	if (is_on_its_way(vm) && status == LUA_ERRMEM) {
		put_text(L, vm);
		status = LUA_ERRRUN;
	}
	if (UNLIKELY(load_relaxed(&vm->raise_number) != 0))
		stop_raising(L, vm);
	if (UNLIKELY(vm->raised != NULL))
		hook_term(vm);
	return status;
}

const char *hook_raised_for(struct vm *vm, const char *error, const char **traceback)
{
	struct raised *r = vm->raised;
	if (LIKELY(r == NULL) || r->told || (error && strcmp(error, "not enough memory") != 0))
		return NULL;
	/* Once out it is the dispatcher who asks, once; a later one is a true one. */
	r->told = r->out;
	*traceback = r->at.traceback;
	return r->text;
}

void hook_term(struct vm *vm)
{
	mem_free(vm->raised);
	vm->raised = NULL;
}

void hook_raise(lua_State *L, lua_Debug *ar)
{
	struct vm *vm = vm_at_hook(L);
	if (vm == NULL)
		return;
	/* Armed too late: that message has ended. */
	if (load_relaxed(&vm->raise_number) != load_relaxed(&vm->service->message_number)) {
		stop_raising(L, vm);
		return;
	}
	if (is_ours(L)) {
		if (is_on_its_way(vm) && L == load_relaxed(&vm->L))
			stop_raising(L, vm);
		return;
	}
	if (!is_on_its_way(vm))
		note_raised(L, vm);
	throw_it(L, vm);
	(void)ar;
}

/* Stays armed: the error is raised again at every instruction until the handler is out, so that no pcall in
 * the service can hold it up. */
void hook_kill(lua_State *L, lua_Debug *ar)
{
	struct vm *vm = vm_at_hook(L);
	(void)ar;
	if (vm)
		throw_it(L, vm);
}
