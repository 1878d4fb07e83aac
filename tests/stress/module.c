/* SPDX-License-Identifier: MIT
 *
 * What a C module does that computes for long, for the stress programs: no call of anybody, so that it can be held
 * wherever it is interrupted. Loaded when the runtime knows its own objects already.
 */
#include "tests/stress/module.h"

void module_spin(void *arg)
{
	struct module_spin *spin = arg;
	uint64_t sum = spin->turns | 1;
	double x = 1;
	for (volatile uint32_t i = 0; i < spin->turns; i++) {
		sum = sum * 6364136223846793005u + 1442695040888963407u;
		x = x * 1.0000001 + (double)(sum >> 60);
	}
	spin->sum = sum ^ (uint64_t)x;
}
