/* SPDX-License-Identifier: MIT
 *
 * What one fuzz target gives to its driver (target.c), which is libFuzzer or, without it, a main() that feeds inputs
 * from a seed: `fuzz_NOUN [INPUTS [SEED]]`, a smoke test for compilers that have no libFuzzer.
 */
#ifndef TESTS_FUZZ_TARGET_H
#define TESTS_FUZZ_TARGET_H

#include "core/base.h"

struct fuzz_target {
	const char *name;
	const char *good;           /* what a good input has done: "were good streams" */
	unsigned long inputs, seed; /* without arguments: the same ones in each run; the others are for `./dev fuzz` */
	size_t input_bytes;         /* at most, of `make` */
	/* Tries one input, of which nothing behind the end may be read; ends the process when a rule is broken. Returns
	 * whether it was a good one. */
	bool (*try_input)(const uint8_t *data, size_t size);
	/* Makes an input with fuzz_random_below; returns its size. */
	size_t (*make)(uint8_t *to);
	/* Did so many inputs test both the good and the bad? NULL: at least 10 % good ones, and a bad one. */
	bool (*is_enough)(unsigned long inputs, unsigned long good);
};

/* Each target defines it. */
extern const struct fuzz_target fuzz_target;

/* In [0, bound); the same ones for the same seed. */
uint32_t fuzz_random_below(uint32_t bound);

#endif
