/* SPDX-License-Identifier: MIT
 *
 * While a C function runs that Lua code has called, the Lua stack below it rests, and can be read as between two
 * calls of the API, if three things are certain:
 *
 *   Which coroutine it is. The interpreter keeps it in its C frame, in a slot that only LuaJIT knows; we see it when we are
 *   called ourselves and know our state (callsite_init). There too we see where the interpreter calls C functions from: one
 *   place, to which they all return.
 *
 *   That the C function runs, and nothing that it has called is in the middle of a change. The frames are walked
 *   exactly, from the interrupted registers to the return address of that one place. If there is only code of others
 *   on the way (a C module, libc, our own functions), the VM rests. With code of the VM among it (string.find itself,
 *   or an API function that the module has called) it nearly rests: what moves a Lua stack is known and excluded
 *   (LANDMARK_RESIZER), so are the interpreter and the unwinder; and it must be the same call at two looks, 5 ms
 *   apart and more, between which no hook fired though one was set. So it is one long call, and not one that begins
 *   or ends just now.
 *
 *   That the walk is right. Each step is by the compilers' tables, or there is none; a guess ends it.
 *
 * Words of finished calls on the C stack, which is what a crash report goes by (place.c), are not good enough here: a coroutine
 * that is gone may look like one.
 *
 * Machine code that has called a function of the library leaves the Lua stack as it was when the trace began. There
 * the line is that of the trace.
 */
#include "luabind/callsite.h"
#include "core/binary.h"
#include "core/text.h"
#include "core/walk.h"
#include "luabind/interrupt.h"

#include <lauxlib.h>
#include <lualib.h>

enum { FRAMES_MAX = 256, SLOTS = 32 };

/* Constant after callsite_init. */
static struct {
	uintptr_t returns_to;         /* 0: not known */
	uintptr_t vm_start, vm_end;   /* the interpreter */
	int slot;                     /* word of its frame that holds the coroutine */
} call;

bool callsite_known(void)
{
	return call.returns_to != 0;
}

static bool is_vm(enum text_kind kind)
{
	return kind == TEXT_VM || kind == TEXT_FRAGILE;
}

/* ---- finding out ---- */

struct lesson {
	uintptr_t high, returns_to;
	uint32_t slots; /* bits: those that have held the coroutine each time */
	int calls, good;
};

static uint32_t slots_with(const uintptr_t *frame, uintptr_t word)
{
	uint32_t slots = 0;
	for (int i = 0; i < SLOTS; i++)
		if (frame[i] == word)
			slots |= 1u << i;
	return slots;
}

static void learn(struct lesson *l, lua_State *L)
{
	struct unwind_frame f = {.interrupted = true};
	__asm__ volatile("leaq (%%rip), %0\n\tmovq %%rsp, %1\n\tmovq %%rbp, %2"
			 : "=r"(f.pc), "=r"(f.sp), "=r"(f.rbp));
	l->calls++;
	while (!is_vm(text_kind_of(f.pc)))
		if (!walk_step(&f, f.sp, l->high))
			return;
	if (l->returns_to == 0)
		l->returns_to = f.pc;
	if (f.pc != l->returns_to || f.sp + SLOTS * 8 > l->high)
		return;
	l->slots &= slots_with((const uintptr_t *)f.sp, (uintptr_t)L);
	l->good++;
}

static int be_called(lua_State *L)
{
	learn(lua_touserdata(L, lua_upvalueindex(1)), L);
	return 0;
}

/* Called in each way that comes to mind, so that a slot which only happens to hold the coroutine is found out. */
static const char lessons[] =
	"local f = ... jit.off() f() f(1, 2, 3)\n"
	"coroutine.wrap(function() f() coroutine.wrap(function() f() end)() f() end)()\n"
	"pcall(f) xpcall(f, f) string.gsub('x', 'x', f) table.sort({1, 2, 3}, f)\n"
	"local t = setmetatable({}, {__index = f, __add = f, __call = f}) f(t.x, t + t, t())\n"
	"for _ in f do end\n"
	"coroutine.wrap(f)() return f()";

static int teach(lua_State *L)
{
	luaL_openlibs(L);
	if (luaL_loadstring(L, lessons) != 0)
		return lua_error(L);
	lua_pushvalue(L, 1);
	lua_pushcclosure(L, be_called, 1);
	lua_call(L, 1, 0);
	return 0;
}

void callsite_init(void)
{
	struct lesson l = {.high = (uintptr_t)__builtin_frame_address(0), .slots = UINT32_MAX};
	lua_State *L = luaL_newstate();
	bool taught = L && lua_cpcall(L, teach, &l) == 0;
	const struct unwind_object *o = binary_unwind(l.returns_to);
	call.returns_to = 0;
	if (taught && l.good == l.calls && __builtin_popcount(l.slots) == 1 && o &&
	    landmark_known(LANDMARK_RESIZER) &&
	    unwind_function(o, l.returns_to - 1, &call.vm_start, &call.vm_end)) {
		call.slot = __builtin_ctz(l.slots);
		call.returns_to = l.returns_to;
	}
	if (L)
		lua_close(L);
}

/* ---- in the handler ---- */

enum verdict { RESTS, NEARLY_RESTS, COMPILED, UNKNOWN };

/* Walks `f` to the frame of the interpreter, or of machine code, that has called what runs. */
static enum verdict find(struct unwind_frame *f, uintptr_t high)
{
	enum verdict verdict = RESTS;
	for (int i = 0; i < FRAMES_MAX; i++) {
		uintptr_t pc = f->interrupted ? f->pc : f->pc - 1;
		enum text_kind kind = text_kind_of(pc);
		if (!f->interrupted && f->pc == call.returns_to)
			return verdict;
		if (kind == TEXT_NONE)
			return f->interrupted ? UNKNOWN : COMPILED;
		if (kind == TEXT_UNWINDER || (pc >= call.vm_start && pc < call.vm_end) ||
		    landmark_holds(LANDMARK_RESIZER, pc))
			return UNKNOWN;
		if (is_vm(kind))
			verdict = NEARLY_RESTS;
		if (!walk_step(f, f->sp, high))
			return UNKNOWN;
	}
	return UNKNOWN;
}

/* Is it the call that was met before, by the frame and the message? Remembers it. */
static bool is_met_again(struct vm *vm, uintptr_t sp)
{
	uint64_t message = load_relaxed(&vm->service->message_number);
	bool again = vm->met_call == sp && vm->met_message == message;
	vm->met_call = sp;
	vm->met_message = message;
	return again;
}

static void tell(struct evidence *e, const char *kind)
{
	e->kind = kind;
	e->in_c = true;
	store_release(&e->state, EVIDENCE_READY); /* pairs with the acquire in the monitor */
}

static void tell_trace(struct service *s, const struct trace_range *r)
{
	struct evidence *e = r ? exchange_acq_rel(&s->evidence, NULL) : NULL;
	if (e == NULL)
		return;
	for (size_t i = 0; i < sizeof(r->where); i++)
		e->place[i] = r->where[i];
	tell(e, "in a C function, called by compiled code");
}

void callsite_witness(struct service *s, const struct unwind_frame *at, uintptr_t high)
{
	struct vm *vm = s->state;
	struct unwind_frame f = *at;
	if (call.returns_to == 0 || vm == NULL || load_relaxed(&vm->L) == NULL ||
	    load_relaxed(&s->evidence) == NULL)
		return;
	enum verdict verdict = find(&f, high);
	if (verdict == COMPILED)
		tell_trace(s, trace_find(&vm->traces, f.pc - 1));
	if (verdict == NEARLY_RESTS && is_met_again(vm, f.sp))
		verdict = RESTS;
	if (verdict != RESTS || f.sp + (uintptr_t)(call.slot + 1) * 8 > high)
		return;
	struct evidence *e = exchange_acq_rel(&s->evidence, NULL);
	if (e == NULL)
		return;
	hook_traceback(((lua_State *const *)f.sp)[call.slot], e);
	tell(e, "in a C function");
}
