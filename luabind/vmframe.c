/* SPDX-License-Identifier: MIT
 *
 * What is learned: a C function that a coroutine calls knows its coroutine, and by its canonical frame address the stack
 * pointer with which the interpreter called it. The words of the main state's block that are the coroutine, in one
 * coroutine after the other, are `cur_L`; the word of the coroutine that is the stack pointer (two low bits are
 * flags) is `cframe`. Unless exactly one place fits each, nothing is known, and all goes on as without.
 *
 * Both are kept at every entry into the VM and every resume, so while a trace runs they are right: it calls neither.
 * Nothing else that is read here may change: these are words of the VM that runs on this very thread.
 */
#include "luabind/vmframe.h"
#include "luabind/vm.h"

#include <lauxlib.h>
#include <string.h>

enum {
	STATE_BYTES = 96,      /* of a coroutine, in 64-bit LuaJIT */
	BLOCK_BYTES = 1024,    /* the beginning of the block of the main state, which is some KB */
	BLOCK_WORDS = BLOCK_BYTES / 8,
	FLAGS = 3,
};

static struct {
	size_t current_at; /* in the block of the main state; 0: not known */
	size_t frame_at;   /* in a coroutine */
	uintptr_t pc;      /* an address in the interpreter, with the frame as it is at a call */
} known;

/* What one coroutine has seen. */
struct sight {
	bool is_current[BLOCK_WORDS];
	size_t frame_at; /* 0: none or several */
	uintptr_t pc;
};

static uintptr_t word_at(const void *base, size_t offset)
{
	return *(const uintptr_t *)((const char *)base + offset);
}

/* (main state, struct sight): looks around. */
static NOINLINE int look_around(lua_State *L)
{
	const lua_State *main_state = lua_touserdata(L, 1);
	struct sight *sight = lua_touserdata(L, 2);
	uintptr_t sp = (uintptr_t)__builtin_dwarf_cfa();
	int found = 0;
	sight->pc = (uintptr_t)__builtin_return_address(0);
	for (int i = 0; i < BLOCK_WORDS; i++)
		sight->is_current[i] = word_at(main_state, (size_t)i * 8) == (uintptr_t)L;
	for (size_t at = 8; at < STATE_BYTES; at += 8)
		if ((word_at(L, at) & ~(uintptr_t)FLAGS) == sp) {
			sight->frame_at = at;
			found++;
		}
	if (found != 1)
		sight->frame_at = 0;
	return 0;
}

static bool look_from_coroutine(lua_State *L, struct sight *sight)
{
	lua_State *co = lua_newthread(L);
	memset(sight, 0, sizeof(*sight));
	lua_pushcfunction(co, look_around);
	lua_pushlightuserdata(co, L);
	lua_pushlightuserdata(co, sight);
	return lua_resume(co, 2) == 0 && sight->frame_at != 0;
}

/* The one word that was the coroutine both times; 0: none or several. */
static size_t current_in(const struct sight *a, const struct sight *b)
{
	size_t at = 0;
	int found = 0;
	for (int i = 1; i < BLOCK_WORDS; i++)
		if (a->is_current[i] && b->is_current[i]) {
			at = (size_t)i * 8;
			found++;
		}
	return found == 1 ? at : 0;
}

void vmframe_learn(void)
{
	struct sight a, b;
	lua_State *L = luaL_newstate();
	memset(&known, 0, sizeof(known));
	if (L == NULL)
		return;
	if (look_from_coroutine(L, &a) && look_from_coroutine(L, &b) && a.frame_at == b.frame_at) {
		known.frame_at = a.frame_at;
		known.pc = a.pc;
		known.current_at = current_in(&a, &b);
	}
	lua_close(L);
}

bool vmframe_is_known(void)
{
	return known.current_at != 0;
}

bool vmframe_of(struct service *s, struct frames_base *out)
{
	const struct vm *vm = s->state;
	const lua_State *L = vm ? load_relaxed(&vm->L) : NULL;
	if (L == NULL || known.current_at == 0)
		return false;
	const void *current = (const void *)word_at(L, known.current_at);
	if (current == NULL)
		return false;
	out->pc = known.pc;
	out->sp = word_at(current, known.frame_at) & ~(uintptr_t)FLAGS;
	return true;
}
