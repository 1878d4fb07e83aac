/* SPDX-License-Identifier: MIT
 *
 * The rooms `core` and `sched` without a thread: for tests of what needs services, but nobody who runs them.
 */
#ifndef UNIT_ROOMS_H
#define UNIT_ROOMS_H

#include "core/clock.h"
#include "core/handle.h"
#include "core/text.h"
#include "core/timer.h"
#include "sched/sched.h"

static inline void rooms_no_timer(uint32_t handle, int32_t session)
{
	(void)handle;
	(void)session;
}

/* So many workers, of which nothing runs. Once for each program. */
static inline void rooms_open(int workers)
{
	struct sched_options options = {.workers = workers,
					.spares_max = 2,
					.stack_bytes = 128 * 1024,
					.min_run_ns = 50 * NS_PER_US};
	handle_init();
	timer_init(rooms_no_timer);
	text_init(NULL);
	sched_init(&options);
}

#endif
