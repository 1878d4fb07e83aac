/* SPDX-License-Identifier: MIT
 *
 * Sleeping on a word. The two-sided protocol is always the same: the sleeper reads the word, decides
 * that there is nothing to do, and sleeps only if the word is still what it read; the waker changes the
 * word first and wakes after. So a wake-up between reading and sleeping is not lost.
 */
#ifndef CORE_FUTEX_H
#define CORE_FUTEX_H

#include "core/base.h"
#include "core/atomics.h"

typedef _Atomic uint32_t futex_word;

/* Sleeps while *word == seen, at most `timeout_ns` (negative: for ever). May return early. */
void futex_wait(futex_word *word, uint32_t seen, int64_t timeout_ns);

/* Wakes one sleeper of `word`. Async-signal-safe; never blocks. */
void futex_wake(futex_word *word);

#endif
