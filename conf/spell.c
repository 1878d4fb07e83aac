/* SPDX-License-Identifier: MIT */
#include "conf/spell.h"

#include <limits.h>
#include <string.h>

static int least(int a, int b)
{
	return a < b ? a : b;
}

int spell_distance(const char *a, const char *b)
{
	size_t rows = strlen(a), columns = strlen(b);
	/* cost[i][j]: from the first i letters of `a` to the first j of `b`. */
	int cost[SPELL_LETTERS_MAX + 1][SPELL_LETTERS_MAX + 1];
	if (rows > SPELL_LETTERS_MAX || columns > SPELL_LETTERS_MAX)
		return INT_MAX;
	for (size_t j = 0; j <= columns; j++)
		cost[0][j] = (int)j;
	for (size_t i = 1; i <= rows; i++) {
		cost[i][0] = (int)i;
		for (size_t j = 1; j <= columns; j++) {
			int change = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			int gap = least(cost[i - 1][j], cost[i][j - 1]) + 1;
			cost[i][j] = least(change, gap);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				cost[i][j] = least(cost[i][j], cost[i - 2][j - 2] + 1);
		}
	}
	return cost[rows][columns];
}

struct spell spell_for(const char *word)
{
	return (struct spell){.word = word, .distance = INT_MAX};
}

void spell_offer(struct spell *s, const char *known)
{
	int distance = spell_distance(s->word, known);
	if (distance < s->distance) {
		s->distance = distance;
		s->best = known;
	}
}

const char *spell_guess(const struct spell *s)
{
	if (s->best == NULL)
		return NULL;
	/* Two slips in a word of six letters are likely, in one of three they make another word. */
	int allowed = strlen(s->best) >= 6 ? 2 : 1;
	return s->distance <= allowed ? s->best : NULL;
}
