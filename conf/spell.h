/* SPDX-License-Identifier: MIT
 *
 * "Did you mean": the known word nearest to a mistyped one. A distance counts letters changed,
 * missing, extra, or swapped with their neighbour.
 */
#ifndef CONF_SPELL_H
#define CONF_SPELL_H

#include "core/base.h"

#define SPELL_LETTERS_MAX 40

/* Longer words than SPELL_LETTERS_MAX are never near anything: INT_MAX. Any thread. */
int spell_distance(const char *a, const char *b);

struct spell {
	const char *word;
	const char *best; /* borrowed from spell_offer; NULL before the first offer */
	int distance;
};

struct spell spell_for(const char *word);
/* Keeps `known` if it is nearer than all before. */
void spell_offer(struct spell *s, const char *known);
/* The best offer, or NULL when even that one is too far off to be what was meant. */
const char *spell_guess(const struct spell *s);

#endif
