/* SPDX-License-Identifier: MIT
 *
 * Runs in the signal handler, on the thread that was interrupted, wherever that was; compiled without
 * sanitizers. lua_sethook is made for this, with one trap: it may interrupt LuaJIT's own update of its
 * dispatch table, and then the hook is lost for good, since asking for the mode that is already recorded
 * changes nothing. Clearing it first and then setting it heals every case (62 of 585 interruption points
 * were lost without).
 */
#include "luabind/interrupt.h"

/* Counts instructions, and calls too: a loop that is compiled but for the C function that it calls (LuaJIT stitches
 * two traces together around it) executes no instruction of the interpreter, ever; only the call itself goes
 * through the table in which hooks are armed. */
static void arm(struct vm *vm, lua_State *L, lua_Hook hook)
{
	lua_Hook present = lua_gethook(L);
	if (present != hook_probe && present != hook_raise && present != hook_kill) {
		vm->user_hook = present;
		vm->user_hook_mask = lua_gethookmask(L);
		vm->user_hook_count = lua_gethookcount(L);
	}
	lua_sethook(L, NULL, 0, 0);
	lua_sethook(L, hook, LUA_MASKCOUNT | LUA_MASKCALL, 1);
}

static void note_compiled(struct service *s, const struct vm *vm, uintptr_t pc)
{
	const struct trace_range *r = trace_find(&vm->traces, pc);
	struct evidence *e = r ? exchange_acq_rel(&s->evidence, NULL) : NULL;
	if (e == NULL)
		return;
	e->kind = "compiled loop";
	/* By hand: nothing here may become a call of libc, which sanitizers intercept. */
	for (size_t i = 0; i < sizeof(r->where); i++) {
		e->place[i] = r->where[i];
		__asm__ volatile("" ::: "memory");
	}
	store_release(&e->state, EVIDENCE_READY); /* pairs with the acquire in the monitor */
}

void interrupt_vm(struct service *s, enum interrupt_why why, uintptr_t pc, enum park_tier tier)
{
	struct vm *vm = s->state;
	lua_State *L = vm ? load_relaxed(&vm->L) : NULL;
	if (L == NULL)
		return;
	if (why == INTERRUPT_KILL) {
		arm(vm, L, hook_kill);
	} else if (why == INTERRUPT_RAISE) {
		store_relaxed(&vm->raise_number, load_relaxed(&s->message_number));
		arm(vm, L, hook_raise);
	} else if (load_relaxed(&s->evidence)) {
		if (tier == TIER_MACHINE_CODE)
			note_compiled(s, vm, pc);
		else if (lua_gethook(L) != hook_kill && lua_gethook(L) != hook_raise)
			arm(vm, L, hook_probe);
	}
}
