/* SPDX-License-Identifier: MIT
 *
 * Timers: a binary heap behind one timerfd (CLOCK_MONOTONIC, absolute), because libev's own timers
 * count in milliseconds of epoll_wait and come up to one late. Who adds an earlier head sets the
 * timerfd itself, so the loop thread sleeps on undisturbed. A timer cannot be taken back, as in
 * skynet: its message is ignored when nobody waits for the session any more.
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

/* Fires what is due and arms the timerfd for the next. At most as many as there were at the
 * beginning, so that a `fire` that adds due timers does not keep the loop: the fd is then readable
 * again. Loop thread, when timer_fd() is readable. */
void timer_expire(void);

/* The descriptor that becomes readable when a timer is due. */
int timer_fd(void);

/* How many wait. Any thread; takes the mutex. */
size_t timer_count(void);

#endif
