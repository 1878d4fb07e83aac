/* SPDX-License-Identifier: MIT */
#include "core/lock.h"

/* WANTED: held, and somebody may be asleep on it; only then does the release cost a system call. */
enum { LOCK_FREE, LOCK_HELD, LOCK_WANTED };

/* Holders keep it for some ten instructions, so a short look is nearly always enough. Longer
 * spinning only burns the core that the holder may need. */
#define SPINS 100

void lock_init(struct lock *l)
{
	store_relaxed(&l->state, LOCK_FREE);
}

bool lock_try(struct lock *l)
{
	uint32_t want = LOCK_FREE;
	/* Acquires what lock_release released. */
	return cas_strong_acq_rel(&l->state, &want, LOCK_HELD);
}

static NOINLINE void take_slowly(struct lock *l)
{
	for (int i = 0; i < SPINS; i++) {
		__builtin_ia32_pause();
		if (load_relaxed(&l->state) == LOCK_FREE && lock_try(l))
			return;
	}
	/* Whoever slept once takes it as WANTED, not as HELD: it cannot know whether others sleep
	 * too. The price is one needless wake-up. Acquires what lock_release released. */
	while (exchange_acq_rel(&l->state, LOCK_WANTED) != LOCK_FREE)
		futex_wait(&l->state, LOCK_WANTED, -1);
}

void lock_take(struct lock *l)
{
	if (UNLIKELY(!lock_try(l)))
		take_slowly(l);
}

void lock_release(struct lock *l)
{
	/* Pairs with the acquires in lock_try and take_slowly. */
	uint32_t was = exchange_acq_rel(&l->state, LOCK_FREE);
	debug_ensure(was != LOCK_FREE);
	if (UNLIKELY(was == LOCK_WANTED))
		futex_wake(&l->state);
}
