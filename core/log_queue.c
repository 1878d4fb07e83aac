/* SPDX-License-Identifier: MIT */
#include "core/log_queue.h"
#include "core/atomics.h"
#include "core/clock.h"

#include <stdio.h>

/* What a line costs besides its text: the message, and what allocators round up. */
enum { LINE_BYTES = 128 };

static const int64_t SAY_AGAIN_NS = NS_PER_S;

static struct {
	/* Start-up. */
	size_t limit_bytes;
	bool counted;
	/* Any thread. */
	_Atomic size_t bytes;
	_Atomic uint64_t dropped;
	_Atomic int64_t said_ns;
} queue = {.limit_bytes = 32 << 20};

void log_queue_set_limit_bytes(size_t bytes)
{
	queue.limit_bytes = bytes;
}

void log_queue_is_counted(void)
{
	queue.counted = true;
}

bool log_queue_enter(size_t bytes, uint32_t waiting)
{
	size_t cost = bytes + LINE_BYTES;
	bool full = (size_t)waiting * LINE_BYTES >= queue.limit_bytes;
	if (!full && queue.counted) {
		/* Alone in the queue a line may be of any size. */
		size_t before = add_relaxed(&queue.bytes, cost);
		full = before > 0 && before + cost > queue.limit_bytes;
		if (full)
			sub_relaxed(&queue.bytes, cost);
	}
	if (full)
		add_relaxed(&queue.dropped, 1);
	return !full;
}

void log_queue_left(size_t bytes)
{
	if (queue.counted)
		sub_acq_rel(&queue.bytes, bytes + LINE_BYTES); /* after the line; pairs with log_queue_is_empty */
}

bool log_queue_is_empty(void)
{
	return queue.counted && load_acquire(&queue.bytes) == 0;
}

uint64_t log_queue_take_dropped(bool at_once)
{
	if (LIKELY(load_relaxed(&queue.dropped) == 0))
		return 0;
	int64_t now = clock_mono_ns();
	if (!at_once && now - load_relaxed(&queue.said_ns) < SAY_AGAIN_NS)
		return 0;
	store_relaxed(&queue.said_ns, now);
	return exchange_acq_rel(&queue.dropped, 0);
}

size_t log_queue_text(uint64_t dropped, char text[LOG_QUEUE_TEXT_BYTES])
{
	int n = snprintf(
		text, LOG_QUEUE_TEXT_BYTES,
		"warn: dropped %llu log line%s: more came than could be written (log_queue)",
		(unsigned long long)dropped, dropped == 1 ? "" : "s");
	return n < 0 ? 0 : (size_t)n;
}
