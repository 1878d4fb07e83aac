/* SPDX-License-Identifier: MIT
 *
 * So many alerts of a kind in a time, and how many were left out: a bucket of tokens, one for each kind. Pure.
 */
#ifndef WATCHDOG_BUCKET_H
#define WATCHDOG_BUCKET_H

#include "core/base.h"

struct bucket {
	int64_t filled_ns; /* until when it was filled; 0: never, then it is full */
	int tokens;
	uint64_t suppressed; /* refused and not yet told of */
};

enum { BUCKET_TOKENS = 20 };
#define BUCKET_REFILL_NS 12000000000 /* one token: five a minute */

/* Takes a token. false: there is none, and it is counted. */
bool bucket_take(struct bucket *b, int64_t now_ns);
/* What was left out since the last time and shall be told now: everything, once a token is there to tell it with; takes that
 * token. 0: nothing, or not now. */
uint64_t bucket_tell(struct bucket *b, int64_t now_ns);
/* The same for an alert that is being written and has its token: all of it. */
uint64_t bucket_take_suppressed(struct bucket *b);
/* When bucket_tell would have something to say; INT64_MAX: nothing is left out. */
int64_t bucket_due_ns(const struct bucket *b);

#endif
