/* SPDX-License-Identifier: MIT */
#include "luabind/mcode.h"
#include "core/atomics.h"
#include "core/clock.h"
#include "core/fde.h"
#include "core/log.h"
#include "core/stack.h"
#include "luabind/mcode_room.h"
#include "luabind/vm.h"
#include "sched/thread.h"

#include <lauxlib.h>
#include <luajit.h>
#include <lualib.h>
#include <stdio.h>

enum {
	KB = 1024,
	PAGE_BYTES = 4 * KB,
	FIRST_AREA_BYTES = 16 * KB,
	AREA_BYTES = 64 * KB, /* LuaJIT's own default on 64-bit systems; no trace can be longer */
	ATTEMPTS = 2,
};

#define LOOK_EACH_NS (5 * NS_PER_S)

/* Kinds of lines that thousands of services could want to write at once: one a second, with the number of those
 * that were kept back. */
struct voice {
	_Atomic int64_t spoke_ns;
	_Atomic uint32_t silent;
};

static struct {
	/* LuaJIT's numbers, 0: never seen; constant after mcode_init. */
	int no_place, too_long;
	_Atomic uint64_t failures;
	_Atomic size_t
		short_at; /* how many areas there were when one found no place; 0: not short */
	_Atomic int64_t looked_ns; /* when we last looked whether there is a place again */
	_Atomic bool said;
	struct voice interpreted, filled;
} state;

uint64_t mcode_failures(void)
{
	return load_relaxed(&state.failures);
}

/* ---- what is said ---- */

/* "" or " (and 12 more ...)", or false: not now. */
static bool may_speak(struct voice *v, char *more, size_t more_bytes)
{
	int64_t now = clock_mono_ns(), before = load_relaxed(&v->spoke_ns);
	if ((before && now - before < NS_PER_S) ||
	    !cas_strong_acq_rel(&v->spoke_ns, &before, now)) {
		add_relaxed(&v->silent, 1);
		return false;
	}
	uint32_t silent = exchange_acq_rel(&v->silent, 0);
	more[0] = '\0';
	if (silent)
		snprintf(more, more_bytes, " (and %u more services since the last such line)",
			 silent);
	return true;
}

static void say_short(void)
{
	if (exchange_acq_rel(&state.said, true))
		return;
	log_printf(
		0,
		"warn: the room for machine code is short: %zu areas of %zuKB in all lie near the "
		"LuaJIT "
		"library, and there is no place for another; services started from now on may run "
		"interpreted; lower maxmcode or set jit = false for services that do not need it",
		fde_area_count(), fde_area_bytes() / KB);
}

static void say_interpreted(const struct service *s)
{
	char more[80];
	if (may_speak(&state.interpreted, more, sizeof(more)))
		log_printf(service_handle(s),
			   "warn: %s runs interpreted: there is no room for its machine code%s",
			   s->name, more);
}

static void say_filled(struct vm *vm)
{
	char more[80];
	if (vm->mcode.has_filled)
		return;
	vm->mcode.has_filled = true;
	if (may_speak(&state.filled, more, sizeof(more)))
		log_printf(service_handle(vm->service),
			   "warn: %s has used up its maxmcode (%zuKB): its machine code is dropped "
			   "and "
			   "made anew each time, a larger maxmcode avoids that%s",
			   vm->service->name, vm->mcode.limit_bytes / KB, more);
}

/* ---- the VM's sizes ---- */

static void set_size(lua_State *L, const struct mcode *m, const char *name, size_t bytes)
{
	lua_rawgeti(L, LUA_REGISTRYINDEX, m->set_sizes);
	lua_pushfstring(L, "%s=%d", name, (int)(bytes / KB));
	lua_call(L, 1, 0);
}

static void set_area(lua_State *L, struct mcode *m, size_t most_bytes)
{
	m->area_bytes =
		most_bytes < AREA_BYTES ? most_bytes & ~(size_t)(PAGE_BYTES - 1) : AREA_BYTES;
	if (m->area_bytes < PAGE_BYTES)
		m->area_bytes = PAGE_BYTES;
	set_size(L, m, "sizemcode", m->area_bytes);
}

static size_t used_bytes(const struct vm *vm)
{
	return load_relaxed(&vm->service->code_bytes);
}

/* After the small first area. */
static void grow(lua_State *L, struct vm *vm)
{
	struct mcode *m = &vm->mcode;
	size_t used = used_bytes(vm);
	m->is_small = false;
	set_area(L, m, m->limit_bytes > used ? m->limit_bytes - used : 0);
}

static void switch_compiler(lua_State *L, struct vm *vm, bool on)
{
	luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | (on ? LUAJIT_MODE_ON : LUAJIT_MODE_OFF));
	vm->is_short = !on;
	vm->mcode.failures = 0;
	store_relaxed(&vm->service->compiler, on ? "on" : "short");
}

/* Is the room still short? Looked at every few seconds, since what took it need not be machine code, and soon after
 * a good part of the areas is gone (they go one by one as services end). */
static bool is_short(void)
{
	size_t at = load_relaxed(&state.short_at);
	if (at == 0)
		return false;
	int64_t now = clock_mono_ns(), looked = load_relaxed(&state.looked_ns);
	int64_t pause = fde_area_count() < at - at / 16 ? LOOK_EACH_NS / 50 : LOOK_EACH_NS;
	if (now - looked < pause || !cas_strong_acq_rel(&state.looked_ns, &looked, now))
		return true;
	if (!room_has_place(AREA_BYTES))
		return true;
	store_relaxed(&state.short_at, 0);
	return false;
}

void mcode_open(lua_State *L, struct vm *vm)
{
	struct mcode *m = &vm->mcode;
	if (!vm->jit) {
		luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
		return;
	}
	if (vm->is_cast)
		luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_ON);
	luaL_findtable(L, LUA_REGISTRYINDEX, "_LOADED", 16);
	lua_getfield(L, -1, "jit.opt");
	lua_getfield(L, -1, "start");
	m->set_sizes = luaL_ref(L, LUA_REGISTRYINDEX);
	lua_pop(L, 2);
	m->area_bytes = AREA_BYTES;
	if (m->limit_bytes) {
		m->is_small = true;
		set_size(L, m, "maxmcode", m->limit_bytes);
		set_area(L, m,
			 m->limit_bytes < FIRST_AREA_BYTES ? m->limit_bytes : FIRST_AREA_BYTES);
	}
	if (is_short()) {
		switch_compiler(L, vm, false);
		say_interpreted(vm->service);
	}
}

/* ---- what LuaJIT reports ---- */

void mcode_compiled(lua_State *L, struct vm *vm)
{
	if (vm->mcode.is_small)
		grow(L, vm);
}

void mcode_flushed(lua_State *L, struct vm *vm)
{
	if (vm->mcode.limit_bytes && !vm->mcode.is_small)
		set_area(L, &vm->mcode, vm->mcode.limit_bytes);
}

/* While the room is short nobody tries in vain: a VM without areas stops compiling, one with areas stops growing. */
void mcode_starting(lua_State *L, struct vm *vm)
{
	struct mcode *m = &vm->mcode;
	bool now = is_short();
	if (now && used_bytes(vm) == 0 && m->failures == 0) {
		switch_compiler(L, vm, false);
		say_interpreted(vm->service);
	} else if (m->is_capped != now && m->limit_bytes && used_bytes(vm) > 0) {
		m->is_capped = now;
		set_size(L, m, "maxmcode", now ? used_bytes(vm) : m->limit_bytes);
	}
}

static void note_failure(void)
{
	add_relaxed(&state.failures, 1);
	store_relaxed(&state.looked_ns, clock_mono_ns());
	store_relaxed(&state.short_at, fde_area_count() ? fde_area_count() : 1);
	say_short();
}

static void found_no_place(lua_State *L, struct vm *vm)
{
	struct mcode *m = &vm->mcode;
	/* It has areas of its own: they are dropped now, which leaves gaps for small ones. */
	if (++m->failures < ATTEMPTS && used_bytes(vm) > 0) {
		m->is_small = true;
		set_area(L, m, FIRST_AREA_BYTES);
		return;
	}
	switch_compiler(L, vm, false);
	say_interpreted(vm->service);
}

static bool find_place(size_t bytes)
{
	while (!room_has_place(bytes))
		if (!room_open_more())
			return false;
	return true;
}

/* LuaJIT drops all machine code of the VM right after this. */
static void gave_up_area(lua_State *L, struct vm *vm)
{
	struct mcode *m = &vm->mcode;
	size_t used = used_bytes(vm);
	add_relaxed(&vm->service->code_flushes, used > 0);
	if (m->limit_bytes && used + m->area_bytes > m->limit_bytes) {
		say_filled(vm);
	} else if (m->is_capped) {
		found_no_place(L, vm);
	} else if (!find_place(m->area_bytes)) {
		note_failure();
		found_no_place(L, vm);
	} /* else it is a limit that the service has set itself, or the next attempt succeeds */
}

void mcode_aborted(lua_State *L, struct vm *vm, int reason)
{
	if (reason == 0)
		return;
	if (reason == state.too_long && vm->mcode.is_small)
		grow(L, vm);
	else if (reason == state.no_place)
		gave_up_area(L, vm);
	/* We are deep in the VM: see trace.c, put_place. */
	if (reason == state.no_place)
		stack_scrub();
}

void mcode_look_again(lua_State *L, struct vm *vm)
{
	if (!is_short())
		switch_compiler(L, vm, true);
}

/* ---- counting areas: whose are they? ---- */

static void on_area(ptrdiff_t bytes)
{
	if (bytes > 0)
		room_keep_open(fde_area_bytes());
	struct thread *t = thread_self();
	struct service *s = t ? load_relaxed(&t->cur) : NULL;
	if (s)
		add_relaxed(&s->code_bytes, (size_t)bytes);
}

/* ---- learning the numbers ---- */

/* They are not part of LuaJIT's interface and differ between versions, so a VM is put into each situation. */
static int note_reason(lua_State *L)
{
	int *reason = lua_touserdata(L, lua_upvalueindex(1));
	const char *what = lua_tostring(L, 1);
	if (what && what[0] == 'a' && *reason == 0) /* abort */
		*reason = (int)lua_tointeger(L, 5);
	return 0;
}

static int learn(const char *chunk)
{
	int reason = 0;
	lua_State *L = luaL_newstate();
	if (L == NULL)
		return 0;
	luaL_openlibs(L);
	lua_pushlightuserdata(L, &reason);
	lua_pushcclosure(L, note_reason, 1);
	lua_setglobal(L, "note");
	if (luaL_dostring(L, chunk) != 0)
		reason = 0;
	lua_close(L);
	return reason;
}

void mcode_init(void)
{
	state.no_place = learn("jit.attach(note, 'trace') jit.opt.start('sizemcode=0')\n"
			       "local x = 0 for i = 1, 200 do x = x + i end");
	/* About 10 KB of machine code for an area of 4. */
	state.too_long =
		learn("local f = loadstring('local x = ... for i = 1, 200 do ' ..\n"
		      "('x = x * 1.5 + i '):rep(400) .. 'end')\n"
		      "jit.attach(note, 'trace') jit.opt.start('sizemcode=4', 'hotloop=2') f(1)");
	fde_on_area = on_area;
	room_init();
}
