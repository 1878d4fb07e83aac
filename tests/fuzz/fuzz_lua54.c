/* SPDX-License-Identifier: MIT
 *
 * Any text through the translator, and what LuaJIT says about it before and after:
 *  - what LuaJIT compiles is never refused, and no new syntax is seen in it, but for what it would run otherwise;
 *  - what comes out has the lines that went in;
 *  - a program made by the grammar below, which is good Lua 5.4, compiles afterwards.
 */
#include "fuzz/target.h"
#include "core/mem.h"
#include "luabind/heap.h"
#include "luabind/lua54.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VM_BYTES ((size_t)16 << 20)

static size_t newlines(const char *text, size_t size)
{
	size_t count = 0;
	for (size_t i = 0; i < size; i++)
		count += text[i] == '\n';
	return count;
}

/* NULL when it compiles, else LuaJIT's message, which `out` holds. */
static const char *compile(const char *text, size_t size, char *out, size_t out_size)
{
	struct heap *heap = heap_new(VM_BYTES);
	lua_State *L = lua_newstate(heap_alloc, heap);
	if (L == NULL)
		abort();
	luaL_openlibs(L); /* LuaJIT crashes on an LL literal where it cannot load its FFI */
	int status = luaL_loadbuffer(L, text, size, "=fuzz");
	if (status != 0)
		snprintf(out, out_size, "%s", lua_tostring(L, -1));
	lua_close(L);
	heap_delete(heap);
	return status == 0 ? NULL : out;
}

static void broken(const char *rule, const char *text, size_t size, const char *message)
{
	fprintf(stderr, "fuzz_lua54: %s: %s\n%.*s\n", rule, message, (int)size, text);
	abort();
}

/* Of all inputs; and whether the next one is good Lua 5.4, because the grammar made it. */
static unsigned long outcomes[3];
static bool is_good;

static void try_text(const char *text, size_t size)
{
	char before[256], after[256];
	struct lua54_result r;
	lua54_translate(text, size, &r);
	const char *native = compile(text, size, before, sizeof(before));
	bool limit = r.text && strstr(r.text, "too many syntax levels");
	bool refused = r.text && (strstr(r.text, "reserved") || strstr(r.text, "is not translated"));
	if (native == NULL && r.outcome == LUA54_ERROR && !limit && !refused)
		broken("refused what LuaJIT compiles", text, size, r.text);
	if (native == NULL && r.first[0] != '\0')
		broken("new syntax in what LuaJIT compiles", text, size, r.first);
	if (r.outcome == LUA54_TRANSLATED) {
		const char *message = compile(r.text, r.size_bytes, after, sizeof(after));
		if (newlines(text, size) != newlines(r.text, r.size_bytes))
			broken("other lines", text, size, r.text);
		if (message && (is_good || native == NULL))
			broken(message, text, size, r.text);
	} else if (is_good && (native || r.outcome == LUA54_ERROR)) {
		broken("good Lua 5.4 was refused", text, size, r.text ? r.text : native);
	}
	mem_free(r.text);
	outcomes[r.outcome]++;
}

static bool try_input(const uint8_t *data, size_t size)
{
	unsigned long refused = outcomes[LUA54_ERROR];
	try_text((const char *)data, size);
	return outcomes[LUA54_ERROR] == refused;
}

#define PROGRAM_BYTES 8192

static char program[PROGRAM_BYTES];
static size_t used;
static int loops; /* around the place that is written */

static void put(const char *text)
{
	static const char *const blanks[] = {" ", " ", " ", "\n", "\t", " --[[ // ]] ", " -- &\n"};
	const char *blank = blanks[fuzz_random_below(COUNT_OF(blanks))];
	if (used + strlen(text) + strlen(blank) >= sizeof(program))
		return;
	used += (size_t)sprintf(program + used, "%s%s", text, blank);
}

static void expression(int depth)
{
	static const char *const leaves[] = {"a",
					     "b",
					     "1",
					     "2.5",
					     "0xff",
					     "nil",
					     "true",
					     "'s'",
					     "[[\n]]",
					     "...",
					     "{}",
					     "0xffffffffffffffff",
					     "9007199254740993"};
	static const char *const binary[] = {"+",  "-",  "*", "/",  "%",   "^",  "..",
					     "==", "~=", "<", "<=", "and", "or", "//",
					     "&",  "|",  "~", "<<", ">>"};
	static const char *const unary[] = {"-", "not", "#", "~"};
	uint32_t kind = depth > 4 ? 0 : fuzz_random_below(8);
	if (kind < 2) {
		put(leaves[fuzz_random_below(COUNT_OF(leaves))]);
	} else if (kind < 5) {
		expression(depth + 1);
		put(binary[fuzz_random_below(COUNT_OF(binary))]);
		expression(depth + 1);
	} else if (kind == 5) {
		put(unary[fuzz_random_below(COUNT_OF(unary))]);
		expression(depth + 1);
	} else if (kind == 6) {
		put(fuzz_random_below(2) ? "(" : "f(");
		expression(depth + 1);
		put(")");
	} else {
		put("{ x =");
		expression(depth + 1);
		put("; [");
		expression(depth + 1);
		put("] =");
		expression(depth + 1);
		put("}");
	}
}

static void block(int depth);

static void local(void)
{
	static const char *const attributes[] = {"", "<const>", "<close>"};
	put("local");
	put(fuzz_random_below(2) ? "a" : "c");
	put(attributes[fuzz_random_below(COUNT_OF(attributes))]);
	put("=");
	expression(2);
}

static void loop(int depth)
{
	static const char *const heads[] = {"while true do", "for i = 1, 2 do", "for k, v in f do"};
	loops++;
	if (fuzz_random_below(4) == 0) {
		put("repeat");
		block(depth + 1);
		put("until");
		expression(3);
	} else {
		put(heads[fuzz_random_below(COUNT_OF(heads))]);
		if (fuzz_random_below(3) == 0)
			put("if x then goto continue end");
		block(depth + 1);
		if (fuzz_random_below(2))
			put("do local d <close> = f goto continue end");
		put(fuzz_random_below(2) ? "::continue::" : "::continue:: ;");
		put("end");
	}
	loops--;
}

static void statement(int depth)
{
	uint32_t kind = fuzz_random_below(depth > 3 ? 4 : 9);
	int outer = loops;
	if (kind == 0) {
		local();
	} else if (kind == 1) {
		put("x, t.y =");
		expression(1);
	} else if (kind == 2) {
		put("f(");
		expression(1);
		put(fuzz_random_below(2) ? ");" : ") ;;");
	} else if (kind == 3) {
		put(loops > 0 ? "if x then break end" : ";");
	} else if (kind < 6) {
		loop(depth);
	} else if (kind == 6) {
		put("do");
		block(depth + 1);
		put("end");
	} else if (kind == 7) {
		put("if x then");
		block(depth + 1);
		put("else");
		block(depth + 1);
		put("end");
	} else {
		loops = 0;
		put("function t.f(...)");
		block(depth + 1);
		put("return");
		expression(1);
		put("end");
		loops = outer;
	}
}

static void block(int depth)
{
	for (uint32_t n = fuzz_random_below(5); n > 0; n--)
		statement(depth);
}

/* True when the program was cut nowhere. */
static bool make_program(void)
{
	used = 0;
	loops = 0;
	block(0);
	return used < PROGRAM_BYTES - 256;
}

static void damage(void)
{
	for (uint32_t n = 1 + fuzz_random_below(3); n > 0 && used > 0; n--)
		program[fuzz_random_below((uint32_t)used)] =
			"/&|~<>()=;:'[] \n"[fuzz_random_below(16)];
}

static size_t make_input(uint8_t *to)
{
	is_good = make_program();
	if (fuzz_random_below(3) == 0) {
		damage();
		is_good = false;
	}
	memcpy(to, program, used);
	return used;
}

/* A generator of one kind only tests nothing. */
static bool is_enough(unsigned long inputs, unsigned long good)
{
	printf("fuzz_lua54: %lu unchanged, %lu translated, %lu refused\n",
	       outcomes[LUA54_UNCHANGED], outcomes[LUA54_TRANSLATED], outcomes[LUA54_ERROR]);
	(void)good;
	for (int i = 0; i < 3 && inputs >= 100; i++) {
		if (outcomes[i] < inputs / 50)
			return false;
	}
	return true;
}

const struct fuzz_target fuzz_target = {
	.name = "lua54",
	.good = "were taken",
	.inputs = 3000,
	.seed = 20251125,
	.input_bytes = PROGRAM_BYTES,
	.try_input = try_input,
	.make = make_input,
	.is_enough = is_enough,
};
