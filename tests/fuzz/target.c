/* SPDX-License-Identifier: MIT */
#include "fuzz/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t random_state = 1;

/* xorshift64* */
uint32_t fuzz_random_below(uint32_t bound)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)((random_state * 0x2545f4914f6cdd1dull) >> 32) % bound;
}

/* In a copy of the exact size, so that AddressSanitizer sees a read behind the end. */
static bool try_exactly(const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1);
	if (exact == NULL)
		abort();
	if (size != 0)
		memcpy(exact, data, size);
	bool good = fuzz_target.try_input(exact, size);
	free(exact);
	return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_exactly(data, size);
	return 0;
}

#ifdef FUZZ_STANDALONE
/* A generator that makes nothing good, or nothing bad, tests only half. */
static bool is_enough(unsigned long inputs, unsigned long good)
{
	if (fuzz_target.is_enough)
		return fuzz_target.is_enough(inputs, good);
	return inputs < 100 || (good > inputs / 10 && good < inputs);
}

int main(int argc, char **argv)
{
	const struct fuzz_target *t = &fuzz_target;
	unsigned long inputs = argc > 1 ? strtoul(argv[1], NULL, 0) : t->inputs;
	unsigned long seed = argc > 2 ? strtoul(argv[2], NULL, 0) : t->seed;
	unsigned long good = 0;
	printf("fuzz_%s: %lu inputs, seed %lu\n", t->name, inputs, seed);
	fflush(stdout);              /* a broken rule ends the process */
	random_state = seed * 2 + 1; /* never 0 */
	uint8_t *input = malloc(t->input_bytes);
	if (input == NULL)
		return 1;
	for (unsigned long i = 0; i < inputs; i++)
		good += try_exactly(input, t->make(input));
	free(input);
	printf("fuzz_%s: %lu %s\n", t->name, good, t->good);
	return is_enough(inputs, good) ? 0 : 1;
}
#endif
