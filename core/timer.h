/* SPDX-License-Identifier: MIT
 *
 * Timers: a binary heap behind one timerfd (CLOCK_MONOTONIC, absolute), because libev's own timers
 * count in milliseconds of epoll_wait and come up to one late. Who adds an earlier head sets the
 * timerfd itself, so the loop thread sleeps on undisturbed. An index by (handle, session) leads to a
 * timer's place in the heap, so that one can be taken back.
 */
#ifndef CORE_TIMER_H
#define CORE_TIMER_H

#include "core/base.h"

/* `fire` gets each due timer, on the thread that calls timer_expire, with no lock held: it may add
 * timers. Once, before the loop starts. */
void timer_init(void (*fire)(uint32_t handle, int32_t session));
void timer_term(void);

/* Fires (handle, session) at `due_ns` of clock_mono_ns or as soon after as possible, never before;
 * in the past means at once. Equal times fire in the order they were added. Any thread; takes a
 * mutex, may allocate. */
void timer_add(int64_t due_ns, uint32_t handle, int32_t session);

/* Takes a timer back, in O(log n). false: there is none, because it has fired or is about to. Of two
 * with the same (handle, session) one. Any thread; takes the mutex, may allocate. */
bool timer_cancel(uint32_t handle, int32_t session);

/* Fires what is due and arms the timerfd for the next. At most as many as there were at the
 * beginning, so that a `fire` that adds due timers does not keep the loop: the fd is then readable
 * again. Loop thread, when timer_fd() is readable. */
void timer_expire(void);

/* How late the latest of the timers came that fired since this was last asked; 0: none. Any thread, one at a time. */
int64_t timer_take_lateness_ns(void);

/* The descriptor that becomes readable when a timer is due. */
int timer_fd(void);

/* How many wait. Any thread; takes the mutex. */
size_t timer_count(void);

#endif
