/* SPDX-License-Identifier: MIT */
#include "sched/sighting.h"

enum sighting_state { SIGHTING_NONE, SIGHTING_ASKED, SIGHTING_WRITING, SIGHTING_READY };

static uint64_t word_of(uint64_t epoch, enum sighting_state state)
{
	return epoch << 2 | (uint64_t)state;
}

void sighting_ask(struct sighting *s, uint64_t epoch)
{
	uint64_t word = load_relaxed(&s->word);
	/* It fails only if the handler is at it just now. */
	if ((word & 3) != SIGHTING_WRITING)
		cas_strong_acq_rel(&s->word, &word, word_of(epoch, SIGHTING_ASKED));
}

void sighting_take(struct sighting *s, uint64_t epoch, uintptr_t pc, uintptr_t sp, uintptr_t rbp,
		   uintptr_t high, bool compiled)
{
	uint64_t word = word_of(epoch, SIGHTING_ASKED);
	if (load_relaxed(&s->word) != word ||
	    !cas_strong_acq_rel(&s->word, &word, word_of(epoch, SIGHTING_WRITING)))
		return;
	s->compiled = compiled;
	walk_stack(&s->walk, pc, sp, rbp, sp, high, SIGHTING_FRAMES);
	store_release(&s->word, word_of(epoch, SIGHTING_READY)); /* pairs with the acquire below */
}

const struct sighting *sighting_read(const struct sighting *s, uint64_t epoch)
{
	return load_acquire(&s->word) == word_of(epoch, SIGHTING_READY) ? s : NULL;
}
