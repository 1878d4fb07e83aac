/* SPDX-License-Identifier: MIT
 *
 * The collector. LuaJIT tells nobody when it collects, and its library has no names. But it frees what it has collected
 * through the allocator that we gave it, and from there the stack can be walked exactly: up to lua_gc, which has a
 * name, when we have called that. What lua_gc has called is the collector: one function for a whole collection, another one for
 * a step. (If the compiler has moved one of them into lua_gc, it is the part that it calls, and that one is called from
 * everywhere too.)
 *
 * That it is right is not taken on trust: a program that only makes garbage must be met in what was found when things are
 * freed, and a table that grows, which frees as well, must never be.
 */
#include "luabind/landmarks.h"
#include "core/binary.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/text.h"
#include "core/walk.h"

#include <lauxlib.h>
#include <lualib.h>

struct search {
	uintptr_t high; /* the end of the stack that may be read */
	bool learning;  /* landmarks are being found, from calls of lua_gc; otherwise they are tried */
	bool watching;
	int frees, met;
	/* Of a Lua stack: the next block that grows is one; later it is that one whose moves are watched. */
	bool expects_stack;
	void *stack;
	int moves;
};

static bool is_in_vm(uintptr_t pc)
{
	enum text_kind kind = text_kind_of(pc);
	return kind == TEXT_VM || kind == TEXT_FRAGILE;
}

static bool function_at(uintptr_t pc, uintptr_t *start, uintptr_t *end)
{
	const struct unwind_object *o = binary_unwind(pc);
	return o && unwind_function(o, pc, start, end);
}

/* What was called by lua_gc, if it is not the function that frees itself. */
static void learn(const struct walk *w)
{
	uintptr_t start, end, gc_start, gc_end;
	int inside = 0;
	if (!function_at((uintptr_t)lua_gc, &gc_start, &gc_end))
		return;
	for (int i = 1; i < w->count && i < WALK_FIRST; i++) {
		uintptr_t pc = walk_frame(w, i)->pc - 1, called = walk_frame(w, i - 1)->pc - 1;
		if (!walk_frame(w, i)->sure)
			return;
		if (pc >= gc_start && pc < gc_end && inside >= 2 && function_at(called, &start, &end))
			landmark_add(LANDMARK_COLLECTOR, start, end);
		inside += is_in_vm(pc);
	}
}

static void look(struct search *s)
{
	struct walk w;
	uintptr_t pc, sp, rbp;
	__asm__ volatile("leaq (%%rip), %0\n\tmovq %%rsp, %1\n\tmovq %%rbp, %2"
			 : "=r"(pc), "=r"(sp), "=r"(rbp));
	s->frees++;
	if (s->learning) {
		walk_stack(&w, pc, sp, rbp, sp, s->high, WALK_FIRST);
		learn(&w);
	} else {
		s->met += walk_meets(LANDMARK_COLLECTOR, pc, sp, rbp, s->high);
	}
}

/* Who moves it: the two functions next to us, of which one may be for blocks of any kind. */
static void learn_resizers(struct search *s)
{
	enum { NEAREST = 2 };
	struct walk w;
	uintptr_t pc, sp, rbp, start, end;
	int found = 0;
	__asm__ volatile("leaq (%%rip), %0\n\tmovq %%rsp, %1\n\tmovq %%rbp, %2"
			 : "=r"(pc), "=r"(sp), "=r"(rbp));
	walk_stack(&w, pc, sp, rbp, sp, s->high, WALK_FIRST);
	for (int i = 1; i < w.count && i < WALK_FIRST && found < NEAREST; i++) {
		const struct walk_frame *f = walk_frame(&w, i);
		if (!f->sure)
			return;
		if (!is_in_vm(f->pc - 1) || !function_at(f->pc - 1, &start, &end))
			continue;
		landmark_add(LANDMARK_RESIZER, start, end);
		found++;
	}
	s->moves += found == NEAREST;
}

static void *move_block(struct search *s, void *block, size_t new_bytes)
{
	bool is_stack = s->expects_stack || (s->stack && block == s->stack);
	if (is_stack)
		learn_resizers(s);
	void *moved = mem_try_realloc(block, new_bytes);
	if (is_stack)
		s->stack = moved;
	s->expects_stack = false;
	return moved;
}

static void *watched_alloc(void *ud, void *block, size_t old_bytes, size_t new_bytes)
{
	struct search *s = ud;
	(void)old_bytes;
	if (new_bytes == 0) {
		if (s->watching && block)
			look(s);
		mem_free(block);
		return NULL;
	}
	return block ? move_block(s, block, new_bytes) : mem_try_alloc(new_bytes);
}

static void run(lua_State *L, struct search *s, const char *program)
{
	s->frees = s->met = 0;
	if (luaL_loadstring(L, program) != 0)
		return;
	s->watching = true;
	lua_pcall(L, 0, 0, 0);
	s->watching = false;
}

static const char garbage[] = "jit.off() local t for i = 1, 3000 do t = {i, {}} end";
static const char growth[] = "jit.off() local t = {} for i = 1, 1000 do t['k' .. i] = i end";

static void learn_from_collections(lua_State *L, struct search *s)
{
	s->learning = true;
	for (int what = LUA_GCCOLLECT; what <= LUA_GCSTEP; what += LUA_GCSTEP - LUA_GCCOLLECT) {
		lua_gc(L, LUA_GCSTOP, 0);
		run(L, s, garbage);
		s->watching = true;
		for (int i = 0; i < 100; i++)
			lua_gc(L, what, 100);
		s->watching = false;
	}
	s->learning = false;
}

static bool is_right(lua_State *L, struct search *s)
{
	lua_gc(L, LUA_GCRESTART, 0);
	run(L, s, garbage);
	if (s->met < 1000)
		return false;
	lua_gc(L, LUA_GCCOLLECT, 0);
	lua_gc(L, LUA_GCSTOP, 0);
	run(L, s, growth);
	return s->frees > 5 && s->met == 0;
}

/* A stack that grows is moved, and so is one that is found too large by the collector. */
static void learn_from_stacks(lua_State *L, struct search *s)
{
	lua_State *co = lua_newthread(L);
	s->expects_stack = true;
	bool grown = lua_checkstack(co, 4000);
	s->expects_stack = false;
	int moves = s->moves;
	for (int i = 0; i < 3; i++)
		lua_gc(L, LUA_GCCOLLECT, 0);
	if (!grown || moves == 0 || s->moves == moves)
		landmark_forget(LANDMARK_RESIZER);
	lua_pop(L, 1);
}

static int prepare(lua_State *L)
{
	luaL_openlibs(L);
	return 0;
}

void landmarks_init(void)
{
	struct search s = {.high = (uintptr_t)__builtin_frame_address(0)};
	lua_State *L = lua_newstate(watched_alloc, &s);
	landmark_forget(LANDMARK_COLLECTOR);
	landmark_forget(LANDMARK_RESIZER);
	if (L && lua_cpcall(L, prepare, NULL) == 0) {
		learn_from_collections(L, &s);
		learn_from_stacks(L, &s);
		if (landmark_known(LANDMARK_COLLECTOR) && !is_right(L, &s))
			landmark_forget(LANDMARK_COLLECTOR);
	}
	if (L)
		lua_close(L);
	if (!landmark_known(LANDMARK_COLLECTOR) && log_wants(LOG_LEVEL_INFO))
		log_printf(0, "the collector was not found in this LuaJIT: the watchdog's rule `gc` is off");
}
