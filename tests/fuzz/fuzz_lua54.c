/* SPDX-License-Identifier: MIT
 *
 * Any text through the translator, and what LuaJIT says about it before and after:
 *  - what LuaJIT compiles is never refused, and no new syntax is seen in it;
 *  - what comes out has the lines that went in;
 *  - a program made by the grammar below, which is good Lua 5.4, compiles afterwards.
 */
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

static enum lua54_outcome try_input(const char *text, size_t size, bool is_good)
{
	char before[256], after[256];
	struct lua54_result r;
	lua54_translate(text, size, &r);
	const char *native = compile(text, size, before, sizeof(before));
	bool limit = r.text && strstr(r.text, "too many syntax levels");
	if (native == NULL && r.outcome == LUA54_ERROR && !limit && !strstr(r.text, "reserved"))
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
	return r.outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1); /* of the exact size: reading beyond is seen */
	if (copy == NULL)
		return 0;
	if (size != 0)
		memcpy(copy, data, size);
	try_input(copy, size, false);
	free(copy);
	return 0;
}

#ifdef FUZZ_STANDALONE
#define PROGRAM_BYTES 8192

static uint64_t random_state;
static char program[PROGRAM_BYTES];
static size_t used;
static int loops; /* around the place that is written */

/* xorshift64* */
static uint32_t random_below(uint32_t bound)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)((random_state * 0x2545f4914f6cdd1dull) >> 32) % bound;
}

static void put(const char *text)
{
	static const char *const blanks[] = {" ", " ", " ", "\n", "\t", " --[[ // ]] ", " -- &\n"};
	const char *blank = blanks[random_below(COUNT_OF(blanks))];
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
	uint32_t kind = depth > 4 ? 0 : random_below(8);
	if (kind < 2) {
		put(leaves[random_below(COUNT_OF(leaves))]);
	} else if (kind < 5) {
		expression(depth + 1);
		put(binary[random_below(COUNT_OF(binary))]);
		expression(depth + 1);
	} else if (kind == 5) {
		put(unary[random_below(COUNT_OF(unary))]);
		expression(depth + 1);
	} else if (kind == 6) {
		put(random_below(2) ? "(" : "f(");
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
	put(random_below(2) ? "a" : "c");
	put(attributes[random_below(COUNT_OF(attributes))]);
	put("=");
	expression(2);
}

static void loop(int depth)
{
	static const char *const heads[] = {"while true do", "for i = 1, 2 do", "for k, v in f do"};
	loops++;
	if (random_below(4) == 0) {
		put("repeat");
		block(depth + 1);
		put("until");
		expression(3);
	} else {
		put(heads[random_below(COUNT_OF(heads))]);
		if (random_below(3) == 0)
			put("if x then goto continue end");
		block(depth + 1);
		if (random_below(2))
			put("do local d <close> = f goto continue end");
		put(random_below(2) ? "::continue::" : "::continue:: ;");
		put("end");
	}
	loops--;
}

static void statement(int depth)
{
	uint32_t kind = random_below(depth > 3 ? 4 : 9);
	int outer = loops;
	if (kind == 0) {
		local();
	} else if (kind == 1) {
		put("x, t.y =");
		expression(1);
	} else if (kind == 2) {
		put("f(");
		expression(1);
		put(random_below(2) ? ");" : ") ;;");
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
	for (uint32_t n = random_below(5); n > 0; n--)
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

int main(int argc, char **argv)
{
	unsigned long inputs = argc > 1 ? strtoul(argv[1], NULL, 0) : 3000;
	unsigned long seed = argc > 2 ? strtoul(argv[2], NULL, 0) : 20251125;
	unsigned long outcomes[3] = {0};
	printf("fuzz_lua54: %lu inputs, seed %lu\n", inputs, seed);
	random_state = seed * 2 + 1;
	for (unsigned long i = 0; i < inputs; i++) {
		bool good = make_program();
		if (random_below(3) == 0) {
			for (uint32_t n = 1 + random_below(3); n > 0 && used > 0; n--)
				program[random_below((uint32_t)used)] =
					"/&|~<>()=;:'[] \n"[random_below(16)];
			good = false;
		}
		char *exact = malloc(used ? used : 1);
		if (exact == NULL)
			return 1;
		memcpy(exact, program, used);
		outcomes[try_input(exact, used, good)]++;
		free(exact);
	}
	printf("fuzz_lua54: %lu unchanged, %lu translated, %lu refused\n",
	       outcomes[LUA54_UNCHANGED], outcomes[LUA54_TRANSLATED], outcomes[LUA54_ERROR]);
	/* A generator of one kind only tests nothing. */
	for (int i = 0; i < 3 && inputs >= 100; i++) {
		if (outcomes[i] < inputs / 50)
			return 1;
	}
	return 0;
}
#endif
