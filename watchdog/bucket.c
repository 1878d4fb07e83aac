/* SPDX-License-Identifier: MIT */
#include "watchdog/bucket.h"

static void fill(struct bucket *b, int64_t now_ns)
{
	if (b->filled_ns == 0) {
		b->filled_ns = now_ns;
		b->tokens = BUCKET_TOKENS;
	}
	int64_t more = (now_ns - b->filled_ns) / BUCKET_REFILL_NS;
	if (more <= 0)
		return;
	b->filled_ns += more * BUCKET_REFILL_NS;
	b->tokens = more > BUCKET_TOKENS - b->tokens ? BUCKET_TOKENS : b->tokens + (int)more;
}

bool bucket_take(struct bucket *b, int64_t now_ns)
{
	fill(b, now_ns);
	if (b->tokens > 0) {
		b->tokens--;
		return true;
	}
	b->suppressed++;
	return false;
}

uint64_t bucket_take_suppressed(struct bucket *b)
{
	uint64_t n = b->suppressed;
	b->suppressed = 0;
	return n;
}

uint64_t bucket_tell(struct bucket *b, int64_t now_ns)
{
	fill(b, now_ns);
	if (b->suppressed == 0 || b->tokens == 0)
		return 0;
	b->tokens--;
	return bucket_take_suppressed(b);
}

int64_t bucket_due_ns(const struct bucket *b)
{
	if (b->suppressed == 0)
		return INT64_MAX;
	return b->tokens > 0 ? b->filled_ns : b->filled_ns + BUCKET_REFILL_NS;
}
