/* SPDX-License-Identifier: MIT
 *
 * The walk is compared with the truth at every single instruction: the processor traps after each one, and the
 * handler keeps the list of live return addresses by watching calls and the stack pointer.
 */
#include "core/frames.h"
#include "core/stack.h"
#include "core/text.h"
#include "core/unwind.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dlfcn.h>
#include <cmocka.h>
#include <lauxlib.h>
#include <lualib.h>
#include <string.h>
#include <ucontext.h>

enum { DEPTH_MAX = 1024, TRAP_FLAG = 0x100 };

static struct {
	volatile bool stop;
	uintptr_t mark, pc, sp;
	uintptr_t live[DEPTH_MAX]; /* where the return addresses lie: the deepest call last */
	int depth;
	/* what was seen */
	long traps, walked, lost_in_vm, in_vm, parkable, refused, machine_code;
	int deepest;
	uintptr_t wrong_pc, wrong_park_pc;
} trace;

/* Follows what the instruction at trace.pc has done. */
static void follow(uintptr_t pc, uintptr_t sp)
{
	while (trace.depth > 0 && trace.live[trace.depth - 1] < sp)
		trace.depth--;
	if (sp == trace.sp - 8) {
		uintptr_t word = *(const uintptr_t *)sp;
		if (word >= trace.pc + 2 && word <= trace.pc + 8 && pc != word &&
		    trace.depth < DEPTH_MAX)
			trace.live[trace.depth++] = sp;
	}
	trace.pc = pc;
	trace.sp = sp;
}

static bool is_walk_right(const uintptr_t *slot, int n)
{
	if (n != trace.depth)
		return false;
	for (int i = 0; i < n; i++)
		if (slot[i] != trace.live[n - 1 - i])
			return false;
	return true;
}

static bool is_parkable_in_truth(void)
{
	for (int i = 0; i < trace.depth; i++) {
		enum text_kind kind = text_kind_of(*(const uintptr_t *)trace.live[i] - 1);
		if (kind != TEXT_VM && kind != TEXT_PARKABLE && kind != TEXT_NONE)
			return false;
	}
	return true;
}

static void compare(uintptr_t pc, uintptr_t sp, uintptr_t rbp)
{
	static uintptr_t slot[DEPTH_MAX];
	enum text_kind kind = text_kind_of(pc);
	int n = frames_walk(pc, sp, rbp, trace.mark, slot, DEPTH_MAX);
	trace.traps++;
	trace.in_vm += kind == TEXT_VM;
	trace.machine_code += kind == TEXT_NONE;
	trace.walked += n >= 0;
	trace.lost_in_vm += n < 0 && kind == TEXT_VM && is_parkable_in_truth();
	trace.deepest = n > trace.deepest ? n : trace.deepest;
	if (n >= 0 && !is_walk_right(slot, n) && trace.wrong_pc == 0)
		trace.wrong_pc = pc;
	if (kind != TEXT_VM && kind != TEXT_PARKABLE)
		return;
	bool parkable = frames_parkable(pc, sp, rbp, trace.mark);
	trace.parkable += parkable;
	trace.refused += !parkable;
	if (parkable && !is_parkable_in_truth() && trace.wrong_park_pc == 0)
		trace.wrong_park_pc = pc;
}

static void on_trap(int signo UNUSED, siginfo_t *info UNUSED, void *context)
{
	ucontext_t *uc = context;
	greg_t *reg = uc->uc_mcontext.gregs;
	uintptr_t pc = (uintptr_t)reg[REG_RIP], sp = (uintptr_t)reg[REG_RSP];
	if (trace.stop)
		reg[REG_EFL] &= ~TRAP_FLAG;
	follow(pc, sp);
	if (sp >= trace.mark) /* or it is not there yet */
		trace.depth = 0;
	if (trace.depth > 0 && trace.live[0] == trace.mark - 8)
		compare(pc, sp, (uintptr_t)reg[REG_RBP]);
}

/* A frame of other code that calls the VM: nobody may be parked above it. */
static int call_back(lua_State *L)
{
	lua_call(L, 0, 0);
	return 0;
}

static PARKABLE void run(void *state)
{
	lua_call(state, 0, 0);
}

static void follow_every_instruction(lua_State *L)
{
	struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_NODEFER},
			 old;
	sigaction(SIGTRAP, &action, &old);
	trace.stop = false;
	__asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\torq %0, (%%rsp)\n\tpopfq\n\t"
			 "lea 128(%%rsp), %%rsp"
			 :
			 : "i"(TRAP_FLAG)
			 : "memory", "cc");
	stack_call_marked(run, L, &trace.mark);
	trace.stop = true;
	sigaction(SIGTRAP, &old, NULL);
}

static const char *const program =
	"local text = string.rep('some words ', 3)\n"
	"local function deep(n) if n == 0 then error('e') end return (deep(n - 1)) end\n"
	"local meta = {__index = function(t, k) return k end, __lt = function(a, b) return a.k < "
	"b.k end,\n"
	"  __concat = function(a, b) return 'x' end, __eq = function() return true end,\n"
	"  __gc = function() end}\n"
	"return function()\n"
	"  pcall(deep, 10)\n"
	"  pcall(string.rep)\n"
	"  text:find('w.-z') text:find('some words s', 1, true)\n"
	"  text:gsub('%w+', function(w) pcall(deep, 2) return #w > 4 and w:reverse() or nil end)\n"
	"  local t = {}\n"
	"  for i = 1, 8 do t[i] = (i * 5) % 8 + 0.5 end\n"
	"  table.sort(t, function(a, b) return a > b end)\n"
	"  table.concat(t, ',') string.format('%5.2f %s %d', 1.5, text, 7)\n"
	"  local a, b = setmetatable({k = 1}, meta), setmetatable({k = 2}, meta)\n"
	"  local s = a.zzz .. tostring(a < b) .. (a .. b) .. tostring(a == b)\n"
	"  local co = coroutine.wrap(function()\n"
	"    local inner = coroutine.create(function(...)\n"
	"      for i = 1, 3 do coroutine.yield((text:gsub('o', function() return 'u' end))) end\n"
	"      error('out')\n"
	"    end)\n"
	"    while coroutine.resume(inner) do coroutine.yield(1) end\n"
	"  end)\n"
	"  for i = 1, 3 do co() end\n"
	"  local u = newproxy(true) getmetatable(u).__gc = function() return text:rep(2) end u = "
	"nil\n"
	"  for i = 1, 30 do t[i] = {text .. i} end t = nil\n"
	"  collectgarbage('step', 10) collectgarbage()\n"
	"  xpcall(function() deep(3) end, function(m) return debug.traceback(m) end)\n"
	"  loadstring('local a = ... return a + 1')(2)\n"
	"  call_back(function() text:upper() text:gsub('s', function() end) end)\n"
	"  local n = 0 for i = 1, 40 do n = n + i % 7 + math.floor(i / 3) if i > 37 then n = n - "
	"text:byte(i % 7 + 1) end end\n"
	"  for i = 1, 12 do text:gsub('w', function(c) local k = 0 for j = 1, 5 do k = k + #(c .. "
	"j) end end) end\n"
	"end\n";

static void run_program(bool jit)
{
	lua_State *L = luaL_newstate();
	assert_non_null(L);
	luaL_openlibs(L);
	lua_register(L, "call_back", call_back);
	assert_int_equal(luaL_dostring(L, jit ? "jit.on() jit.opt.start('hotloop=2', 'hotexit=2')"
					      : "jit.off()"),
			 0);
	assert_int_equal(luaL_dostring(L, program), 0);
	memset(&trace, 0, sizeof(trace));
	text_init((const void *)dlsym(RTLD_DEFAULT, "lua_gettop"));
	follow_every_instruction(L);
	text_term();
	lua_close(L);
	assert_int_equal(trace.wrong_pc, 0);
	assert_int_equal(trace.wrong_park_pc, 0);
	assert_true(trace.in_vm > 10000);
	assert_true(trace.deepest >= 6);
	assert_true(trace.refused > 100);
}

static void test_every_instruction_of_the_interpreter(void **state UNUSED)
{
	if (WITH_ASAN || WITH_TSAN) /* they want signals for themselves */
		skip();
	run_program(false);
	assert_true(trace.walked > trace.in_vm / 10 * 9);
	assert_true(trace.lost_in_vm < trace.in_vm / 50);
}

static void test_every_instruction_with_machine_code(void **state UNUSED)
{
	if (WITH_ASAN || WITH_TSAN)
		skip();
	run_program(true);
	assert_true(trace.machine_code > 100);
}

/* ---- what cannot be known is said so ---- */

static void test_no_tables(void **state UNUSED)
{
	struct unwind_object o;
	struct unwind_frame f = {(uintptr_t)run, (uintptr_t)&f, 0, true}, before = f;
	struct dl_phdr_info object = {0};
	assert_false(unwind_prepare(&object, 0, UINTPTR_MAX, &o));
	assert_int_equal(unwind_step(&o, &f, UINTPTR_MAX), UNWIND_UNKNOWN);
	assert_memory_equal(&f, &before, sizeof(f));
}

static void test_bounds(void **state UNUSED)
{
	uintptr_t slot[4], word[4] = {0};
	uintptr_t at = (uintptr_t)word, end = (uintptr_t)(word + 4);
	text_init((const void *)dlsym(RTLD_DEFAULT, "lua_gettop"));
	/* At its entry a function's return address lies at its stack pointer. */
	assert_int_equal(frames_walk((uintptr_t)run, at, 0, end, slot, 4), -1);
	/* None of it is above the limit. */
	assert_int_equal(frames_walk((uintptr_t)run, end - 4, 0, end, slot, 4), -1);
	/* A walk that passes the mark proves nothing. */
	word[0] = (uintptr_t)dlsym(RTLD_DEFAULT, "lua_gettop");
	assert_false(frames_parkable((uintptr_t)test_bounds, at, 0, end));
	text_term();
	assert_int_equal(frames_walk((uintptr_t)&word, at, 0, end, slot, 4), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_instruction_of_the_interpreter),
		cmocka_unit_test(test_every_instruction_with_machine_code),
		cmocka_unit_test(test_no_tables),
		cmocka_unit_test(test_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
