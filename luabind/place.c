/* SPDX-License-Identifier: MIT
 *
 * Where a service was when it crashed, for the report. Machine code is told by the map of traces. Everything else
 * needs the coroutine that ran, which LuaJIT's API does not tell; but each C function is handed its state, and the
 * interpreter keeps it in its frame, so a pointer to it lies on the C stack, the first one being the innermost. A state is
 * known by its header, of which two bytes (what kind of object it is) and the pointer to what all states of a VM share
 * are the same as in the main state. What follows reads the VM's memory and may crash: the caller bears it.
 */
#include "core/walk.h"
#include "luabind/interrupt.h"

#include <string.h>

enum { OBJECT_KIND_AT = 9, SHARED_AT = 16, HEADER_BYTES = 24, WORDS_MAX = 1 << 18 };

static bool is_state_of(uintptr_t word, const char *main_state)
{
	const char *at = (const char *)word;
	if (word % 8 != 0 || !walk_is_readable(word) || !walk_is_readable(word + HEADER_BYTES - 1))
		return false;
	return memcmp(at + OBJECT_KIND_AT, main_state + OBJECT_KIND_AT, 2) == 0 &&
	       memcmp(at + SHARED_AT, main_state + SHARED_AT, 8) == 0;
}

/* Neither suspended nor finished. */
static bool is_active(lua_State *L)
{
	lua_Debug ar;
	return lua_status(L) == 0 && lua_getstack(L, 0, &ar);
}

/* Words of finished calls lie between those of live ones, and the main state, from which all messages are handled, is
 * often among them: it counts only if there is no other. */
static lua_State *running_state(lua_State *main_state, uintptr_t sp, uintptr_t high)
{
	uintptr_t at = (sp + 7) & ~(uintptr_t)7;
	for (int i = 0; i < WORDS_MAX && at + 8 <= high; i++, at += 8) {
		uintptr_t word = *(const uintptr_t *)at;
		if (word != (uintptr_t)main_state && is_state_of(word, (const char *)main_state) &&
		    is_active((lua_State *)word))
			return (lua_State *)word;
	}
	return main_state;
}

void describe_vm(struct service *s, uintptr_t pc, uintptr_t sp, uintptr_t high,
		 struct evidence *out)
{
	struct vm *vm = s->state;
	const struct trace_range *r = vm ? trace_find(&vm->traces, pc) : NULL;
	lua_State *L = vm ? load_relaxed(&vm->L) : NULL;
	if (r) {
		memcpy(out->place, r->where, sizeof(r->where));
		out->kind = "compiled loop";
		return;
	}
	if (L == NULL)
		return;
	hook_traceback(running_state(L, sp, high), out);
	out->kind = "by what the VM's memory says";
}
