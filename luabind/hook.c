/* SPDX-License-Identifier: MIT
 *
 * The two count hooks: they run between two instructions of interpreted code, on the service's own thread.
 */
#include "luabind/interrupt.h"
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
	return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
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

void hook_probe(lua_State *L, lua_Debug *ar)
{
	struct vm *vm = vm_of(L);
	struct evidence *e = exchange_acq_rel(&vm->service->evidence, NULL);
	disarm(L, vm);
	if (e == NULL)
		return;
	e->kind = "interpreted";
	hook_traceback(L, e);
	stack_scrub();
	store_release(&e->state, EVIDENCE_READY); /* pairs with the acquire in the monitor */
	(void)ar;
}

/* Stays armed: the error is raised again at every instruction until the handler is out, so that no pcall in
 * the service can hold it up. */
void hook_kill(lua_State *L, lua_Debug *ar)
{
	(void)ar;
	luaL_error(L, "killed");
}
