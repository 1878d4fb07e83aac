/* SPDX-License-Identifier: MIT
 *
 * An OS thread that can hold a worker's slot. It is born on its own (pthread) stack, the base; while it
 * holds a slot it runs the worker loop on a pooled stack. Without a slot it is a spare and sleeps on its
 * base, or it is detached or held: in C code of one service while another thread has its slot.
 *
 * `run` says in one word who may take the slot: {epoch << 3 | state}.
 *
 *	LOOP      the scheduler's own code; nobody may take anything
 *	BODY      inside a service's body: the monitor may take the slot (CAS to TAKING)
 *	TAKING    the monitor is at work: it moves the slot to a spare, or lowers the priority; a moment
 *	DETACHED  the slot is gone; the thread gives its service back and goes home
 *	HELD      no slot either: it sleeps in its handler until its service's turn comes, and then has one
 *
 * The thread leaves BODY by CAS, so either it keeps the slot or it learns that it has lost it.
 */
#ifndef SCHED_THREAD_H
#define SCHED_THREAD_H

#include "core/futex.h"
#include "core/stack.h"
#include "sched/service.h"
#include "sched/sighting.h"
#include <pthread.h>
#include <sys/types.h>

struct worker;

enum run_state { RUN_LOOP, RUN_BODY, RUN_TAKING, RUN_DETACHED, RUN_HELD };

static inline uint64_t run_word(uint64_t epoch, enum run_state state)
{
	return epoch << 3 | (uint64_t)state;
}
static inline enum run_state run_state_of(uint64_t word)
{
	return (enum run_state)(word & 7);
}
static inline uint64_t run_epoch_of(uint64_t word)
{
	return word >> 3;
}

struct thread {
	/* Constant once it runs; the struct is used again when it has ended. */
	int index; /* in the registry */
	pthread_t pthread;
	_Atomic int32_t tid; /* 0: not running */
	_Atomic clockid_t cpu_clock;

	/* Own thread only (and, while it sleeps as a spare, who wakes it). */
	struct stack base;
	struct stack *stack;    /* the pooled stack it runs on, NULL on the base */
	struct stack *cached;   /* an unused one at hand for the next park */
	struct stack *drop;     /* left by the last switch, to be put back */
	struct service *settle; /* parked by the last switch, to be queued */
	bool settle_detached;
	struct worker *slot;
	_Atomic(struct service *) cur; /* in whose body it is; read by the monitor */
	_Atomic bool in_handler; /* with signal fences: its only other reader is our own handler */
	int64_t run_since_ns;    /* wall: when `cur` was started or resumed */
	int64_t slice_ns;        /* what was left of its slice then */
	bool owes; /* in this run somebody was left to this worker, since it would be through in a moment */

	/* Its files stat and schedstat in /proc, -1: none. Others may be reading them: see thread_keep_file. */
	_Atomic int stat_fd, delay_fd;

	/* Shared words. */
	_Atomic uint64_t run;
	_Atomic uint64_t wanted;  /* epoch that is asked to stop; written by anybody, best effort */
	_Atomic uint64_t probe;   /* epoch that is asked where it is; written by the monitor */
	_Atomic uint64_t raise;   /* epoch whose handler is to raise an error; written by the monitor */
	_Atomic uint64_t sample;  /* epoch of which the next signal counts in collector_samples; the same */
	_Atomic uint32_t refused; /* how often the handler could not park (tier C) */
	_Atomic uint32_t signals; /* signals sent to it */
	_Atomic(struct worker *)
		given;   /* the slot that it is given: release; acquire by the thread */
	futex_word wake; /* a spare or held one sleeps on it until it has a slot, or has to end */
	_Atomic int64_t detached_cpu_ns; /* its CPU clock when it lost its slot */
	_Atomic bool slowed;             /* runs at low OS priority since its hand-off */

	struct sighting sighting; /* by its own protocol */

	struct thread *next_spare; /* spare list's lock */
};

/* The calling thread, NULL when it is none of ours. Never keep the result across a call that may park. */
struct thread *thread_self(void);

/* Room for `max` threads, of which `ready` wait as spares if they can; one beyond that which nobody needed for
 * `idle_ns` ends. */
void thread_init(int max, int ready, int64_t idle_ns);
/* Creates threads until `ready` of them are spare (bounded by max). Any thread but the monitor; allocates. */
void thread_top_up(void);
/* Starts a thread that holds `w` at once. */
void thread_start(struct worker *w);
/* Takes a spare off the list, NULL: none. Async-signal-safe where the interrupted code is not ours; any thread. */
struct thread *thread_take_spare(void);
void thread_return_spare(struct thread *t);
/* Gives it the slot and wakes it. The slot is the caller's until then. Any thread, as thread_take_spare. */
void thread_give_slot(struct thread *t, struct worker *w);
/* Sleeps until somebody has given `t`, the caller, a slot; for ever when the process ends. */
void thread_wait_turn(struct thread *t);
/* All threads end as soon as they come home; waits until they have or the time is over, but not for those that wait
 * for their turn in C code, which never comes now. true: all have ended. */
bool thread_stop_all(int64_t timeout_ns);
void thread_term(void);

/* The i-th of thread_count() threads, for the monitor. */
struct thread *thread_at(int i);
int thread_count(void);
int thread_spare_count(void);
/* Threads that exist, spares among them. */
int thread_alive_count(void);

/* Finishes what the last switch left over. First thing on every stack that was switched to. */
void thread_settle(void);
/* The current pooled stack is left for good and the thread goes on at home. */
NORETURN void thread_go_home(void);
/* A stack on which the worker loop starts anew. */
struct stack *thread_fresh_stack(struct thread *t);

/* Opens the file of that name about the calling thread in /proc as *at (-1 if it cannot). A descriptor that is there already, of
 * a thread that has ended, is replaced and not closed, for somebody may be reading it. */
void thread_keep_file(_Atomic int *at, const char *name);

/* Sends the preemption signal. Any thread. */
void thread_signal(struct thread *t);
/* Lowers its OS priority until it comes home. Use worker_slow_down. */
void thread_slow_down(struct thread *t);
/* Takes that back, where the process may. Own thread; false: the thread is of no use as a spare any more. */
bool thread_restore_priority(struct thread *t);
/* Is it asleep in the kernel? From /proc, a few microseconds; false when unknown. Any thread. */
bool thread_is_asleep(const struct thread *t);

#endif
