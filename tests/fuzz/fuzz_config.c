/* SPDX-License-Identifier: MIT
 *
 * Any text as a config file: the key scanner, the LuaJIT run, the tree and the checks must take it
 * without a crash, a leak or a hang, and must either give a configuration within its ranges or say
 * why not. With libFuzzer, or on its own with FUZZ_STANDALONE: `fuzz_config [RUNS [SEED]]`.
 */
#include "conf/conf.h"
#include "core/base.h"
#include "core/mem.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Children come in the order of the text, every place has a file, and names are never missing. */
static void check_tree(const struct conf_value *v)
{
	for (size_t i = 0; i < v->child_count; i++) {
		const struct conf_value *c = &v->children[i];
		ensure(c->name != NULL && c->file != NULL && c->line >= 0);
		ensure(i == 0 || c[-1].order <= c->order);
		ensure((c->kind == CONF_TABLE) == (c->text == NULL));
		check_tree(c);
	}
}

static void check_conf(const struct conf *c)
{
	ensure(c->thread_count >= 1 && c->thread_count <= 1024);
	ensure(c->slice_ns >= 50000 && c->slice_ns <= 1000000000);
	ensure(c->weight >= 1 && c->weight <= 10000);
	ensure(c->stack_bytes >= 128 << 10 && c->stack_bytes <= 64 << 20);
	ensure(c->start != NULL && c->bootstrap != NULL);
	for (size_t i = 0; i < c->rule_count; i++) {
		const struct conf_rule *r = &c->rules[i];
		ensure(r->pattern != NULL && r->line >= 0);
		ensure(!(r->set & CONF_RULE_WEIGHT) || (r->weight >= 1 && r->weight <= 10000));
	}
	check_tree(c->source->root);
}

/* Whether the text was a good config; ends the process when a rule is broken. */
static bool try_text(const uint8_t *data, size_t size)
{
	struct conf_report report = {0};
	/* A copy of the exact size, so that AddressSanitizer sees a read behind the end. */
	char *text = mem_alloc(size);
	if (size > 0)
		memcpy(text, data, size);
	struct conf *c = conf_from(luafile_parse("fuzz.conf", text, size), &report);
	ensure((c == NULL) == report_has_errors(&report));
	bool good = c != NULL;
	if (good)
		check_conf(c);
	conf_free(c);
	report_clear(&report);
	mem_free(text);
	return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_text(data, size);
	return 0;
}

#ifdef FUZZ_STANDALONE

#include <stdio.h>
#include <time.h>

static const char *const seeds[] = {
	"thread = 8\nroot = './'\nluaservice = root..'service/?.lua'\nlogger = nil\n",
	"slice = '1ms' weight = 100 stack = \"64KB\" jit = true stop = 1.5\n",
	"service = {\n battle = { slice = '500us', weight = 400 }, ['log*'] = { weight = 10 } }\n",
	"watchdog = { warn = '1s', demote = '5s', starved = '100ms', handoff = '2ms' }\n",
	"local t = { [1] = 'x', { {} }; y = (f or {}).z } service.a['b'].c, d = t, [[x]]\n",
	"for i = 1, 3 do service = service or {} service['n'..i] = { weight = i } end\n",
	"--[==[ x ]==] a = '$HOME' -- $USER\nif a == 'b' then c = { d = 1 } end\n",
	"function f(...) return ... end g = f { h = 1, function() end }\ninclude 'x'\n",
};

static uint64_t random_state;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* Overwrites `room` bytes of `text` at most; returns the new size. */
static size_t splice(char *text, size_t size, size_t room)
{
	const char *from = seeds[next_random() % COUNT_OF(seeds)];
	size_t length = strlen(from), start = next_random() % length;
	size_t count = 1 + next_random() % (length - start), at = next_random() % (size + 1);
	if (size + count > room)
		return size;
	memmove(text + at + count, text + at, size - at);
	memcpy(text + at, from + start, count);
	return size + count;
}

static size_t mutate(char *text, size_t size, size_t room)
{
	static const char marks[] = "{}[]()=,;.'\"$-\n\\#0x";
	size_t at = size > 0 ? next_random() % size : 0;
	switch (next_random() % 4) {
	case 0:
		return splice(text, size, room);
	case 1: {
		size_t count = size > 0 ? 1 + next_random() % (size - at) % 16 : 0;
		memmove(text + at, text + at + count, size - at - count);
		return size - count;
	}
	case 2:
		if (size > 0)
			text[at] = marks[next_random() % (sizeof(marks) - 1)];
		return size;
	default:
		if (size > 0)
			text[at] = (char)next_random();
		return size;
	}
}

int main(int argc, char **argv)
{
	long runs = argc > 1 ? strtol(argv[1], NULL, 10) : 20000;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL);
	printf("fuzz_config: %ld runs, seed %llu\n", runs, (unsigned long long)seed);
	fflush(stdout);
	random_state = seed * 2 + 1; /* never 0 */
	long good = 0;
	for (long i = 0; i < runs; i++) {
		char text[4096];
		const char *from = seeds[next_random() % COUNT_OF(seeds)];
		size_t size = strlen(from);
		memcpy(text, from, size);
		for (uint64_t n = next_random() % 8; n > 0; n--)
			size = mutate(text, size, sizeof(text));
		good += try_text((const uint8_t *)text, size);
	}
	printf("fuzz_config: %ld were good configs\n", good);
	/* Only bad ones, or only good ones, would test half of it. */
	return runs >= 1000 && (good == 0 || good == runs);
}

#endif
