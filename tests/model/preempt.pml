/* SPDX-License-Identifier: MIT
 *
 * Preemption by request (sched/park.c, worker_ask and the loop in sched/worker.c): somebody asks the dispatch
 * that runs on a slot to stop, by its number and a signal; the handler parks the service and leaves its stack
 * to it; the loop, anew on a fresh stack, queues it; any thread resumes it later by switching to that stack.
 * Stacks that are left are given back by whoever arrives on the next one. A killed service that is parked is
 * closed on another stack, runs on, or is abandoned.
 *
 * Searched: two threads and three slots, of which one changes its slot; two services with one message
 * each; two requests, signals that come late or when nobody waits for them; a killer who comes at any time or
 * never.
 *
 * Claimed: a service is on one thread at a time; it is queued only when its stack was left, and once; a stack is
 * in the pool only when nobody is on it, once, and none is lost; a request parks no other dispatch than the one
 * that it names; a killed service is closed at most once and buried exactly once.
 */
/* verify: safety */
/* broken: QUEUE_BEFORE_SWITCH DROP_BEFORE_SWITCH THREAD_KEPT NO_NUMBER NUMBER_PER_SLOT */
/* broken: CLOSING_NOT_SEEN KILLER_BURIES */

#define THREADS	 2
#define SLOTS	 3
#define SERVICES 2
#define STACKS	 6
#define REQUESTS 2
#define KILLED	 0 /* the service that a killer may meet */
#define NONE	 15
#define LOOP	 0 /* inside: the scheduler's own code; else the number of the dispatch whose body it is in */

mtype = { idle, ready, running, parked, dead }

mtype status[SERVICES] = ready;
bool queued[SERVICES] = true;
byte on_threads[SERVICES];    /* threads in its body */
byte stack_of[SERVICES] = NONE; /* parked: where it stopped */
byte grave[SERVICES] = NONE;
#ifdef THREAD_KEPT
byte was_on[SERVICES] = NONE; /* parked: on which thread */
#endif
byte closes[SERVICES], buried[SERVICES];
bool doomed, closing; /* of KILLED */

byte dispatched[SLOTS] = NONE; /* what the run queue says of the slot, under its lock */
byte number[SLOTS];
byte truth[SLOTS]; /* the dispatch itself: never the same twice */
byte holder[SLOTS] = NONE;
byte last = 0;

byte slot[THREADS], mine[THREADS];
byte drop[THREADS] = NONE, settle[THREADS] = NONE;
byte inside[THREADS], wanted[THREADS];
bool signalled[THREADS];

byte on_stack[STACKS]; /* threads on it */
bool pooled[STACKS] = true;

bool asked[16]; /* by dispatch */

inline stack_get(to)
{
	atomic {
		if
		:: pooled[0] -> to = 0
		:: !pooled[0] && pooled[1] -> to = 1
		:: !pooled[0] && !pooled[1] && pooled[2] -> to = 2
		:: !pooled[0] && !pooled[1] && !pooled[2] && pooled[3] -> to = 3
		:: !pooled[0] && !pooled[1] && !pooled[2] && !pooled[3] && pooled[4] -> to = 4
		:: !pooled[0] && !pooled[1] && !pooled[2] && !pooled[3] && !pooled[4] && pooled[5] -> to = 5
		fi;
		assert(on_stack[to] == 0);
		pooled[to] = false
	}
}

inline stack_put(which)
{
	assert(!pooled[which] && on_stack[which] == 0);
	pooled[which] = true
}

inline switch_to(to)
{
	atomic {
		on_stack[mine[me]]--;
		mine[me] = to;
		on_stack[to]++;
		assert(on_stack[to] == 1 && !pooled[to])
	}
}

inline put(service)
{
	assert(!queued[service]);
	queued[service] = true
}

/* The run queue's part of the end of a dispatch. */
inline over()
{
	asked[truth[slot[me]]] = false; /* of no interest any more */
	dispatched[slot[me]] = NONE
}

/* Thread `t` has just arrived on a stack: finishes what the switch left over. */
inline arrive(t)
{
	atomic {
		if
		:: drop[t] != NONE -> stack_put(drop[t]); drop[t] = NONE
		:: else
		fi;
		if
		:: settle[t] != NONE ->
			over();
			status[settle[t]] = parked;
			assert(on_stack[stack_of[settle[t]]] == 0);
			put(settle[t]);
			settle[t] = NONE
		:: else
		fi
	}
}

/* Between two services the thread may find itself with another slot. */
inline change_slot()
{
	atomic {
		if
		:: me == 0 && holder[2] == NONE && dispatched[slot[me]] == NONE ->
			holder[slot[me]] = NONE;
			slot[me] = 2;
			holder[2] = me
		:: true
		fi
	}
}

inline pick()
{
	atomic {
		if
		:: queued[0] -> s = 0
		:: queued[1] -> s = 1
		fi;
		queued[s] = false;
		assert(dispatched[slot[me]] == NONE);
		dispatched[slot[me]] = s;
		last++;
		truth[slot[me]] = last;
#ifdef NUMBER_PER_SLOT
		number[slot[me]]++
#else
		number[slot[me]] = last
#endif
	}
}

inline enter_body()
{
	atomic { status[s] = running; inside[me] = number[slot[me]] }
}

inline begin_close()
{
	atomic {
		closing = true;
		closes[s]++;
		assert(closes[s] == 1)
	}
}

inline bury()
{
	atomic {
		assert(status[s] != dead && on_threads[s] == 0);
		if
		:: grave[s] != NONE -> stack_put(grave[s]); grave[s] = NONE
		:: else
		fi;
		status[s] = dead;
		buried[s]++
	}
}

/* The service's own stack, wherever it stopped; ours is given back on arrival there. */
inline resume()
{
	atomic { assert(drop[me] == NONE); drop[me] = mine[me] };
	x = stack_of[s];
	stack_of[s] = NONE;
#ifdef DROP_BEFORE_SWITCH
	pooled[drop[me]] = true;
	drop[me] = NONE;
#endif
	enter_body();
	switch_to(x);
#ifdef THREAD_KEPT
	x = was_on[s];
	arrive(x);
#else
	arrive(me);
#endif
	x = NONE
}

inline finish_run()
{
	inside[me] = LOOP;
	atomic {
		on_threads[s]--;
		over();
		if
		:: s == KILLED && closing -> bury()
		:: s == KILLED && !closing && doomed -> status[s] = ready; put(s)
		:: else -> status[s] = idle /* the mailbox's part is in mailbox.pml */
		fi;
		s = NONE
	}
}

/* In the handler. */
inline park()
{
	atomic {
		inside[me] = LOOP;
		stack_of[s] = mine[me];
		on_threads[s]--;
#ifdef THREAD_KEPT
		was_on[s] = me;
#endif
#ifdef QUEUE_BEFORE_SWITCH
		over();
		status[s] = parked;
		put(s);
#else
		settle[me] = s;
#endif
		s = NONE;
		stack_get(x)
	}
	switch_to(x);
	x = NONE
}

proctype thread(byte me)
{
	byte s = NONE, x = NONE;
loop:
	atomic { arrive(me); change_slot() };
end_pick:
	pick();
	if
	:: status[s] == parked && s == KILLED && doomed ->
		if
#ifdef CLOSING_NOT_SEEN
		:: true -> goto close_here
#else
		:: !closing -> goto close_here /* parked in machine code */
#endif
		:: resume() /* with the kill hook armed, or on with its close */
		:: true ->  /* abandoned: it has had its time */
			if
			:: atomic { grave[s] != NONE -> stack_put(grave[s]) }
			:: grave[s] == NONE
			fi;
			atomic {
				grave[s] = stack_of[s];
				stack_of[s] = NONE;
				over();
				bury();
				s = NONE
			};
			goto loop
		fi
	:: status[s] == parked && !(s == KILLED && doomed) -> resume()
	:: status[s] != parked ->
		enter_body();
		if
		:: s == KILLED && doomed -> begin_close()
		:: else
		fi
	fi;
body:
	atomic { on_threads[s]++; assert(on_threads[s] == 1 && mine[me] != NONE) };
	do
	:: signalled[me] ->
		signalled[me] = false;
#ifdef NO_NUMBER
		if
		:: true ->
#else
		if
		:: wanted[me] == inside[me] ->
#endif
			assert(asked[truth[slot[me]]]);
			park();
			goto loop
		:: else
		fi
	:: break
	od;
	finish_run();
	goto loop;
close_here:
	atomic { grave[s] = stack_of[s]; stack_of[s] = NONE };
	enter_body();
	begin_close();
	goto body
}

/* A waker or the monitor. The number is read under the run queue's lock; the rest takes its time. */
proctype asker()
{
	byte w, t, e, left = REQUESTS;
	do
	:: left > 0 ->
		left--;
		atomic {
			if
			:: dispatched[0] != NONE -> w = 0
			:: dispatched[1] != NONE -> w = 1
			:: dispatched[2] != NONE -> w = 2
			:: true -> break
			fi;
			e = number[w];
			asked[truth[w]] = true
		}
		atomic {
			t = holder[w];
			if
			:: t != NONE -> wanted[t] = e
			:: else
			fi
		}
		if
		:: atomic { t != NONE && inside[t] == e -> signalled[t] = true }
		:: else
		fi;
		atomic { w = 0; t = 0; e = 0 }
	:: else -> break
	od
}

proctype killer()
{
	byte s = KILLED;
	if
	:: true ->
		atomic {
			doomed = true;
			if
			:: status[s] == idle -> status[s] = ready; put(s)
#ifdef KILLER_BURIES
			:: status[s] == parked -> status[s] = dead; buried[s]++; queued[s] = false
#endif
			:: else
			fi
		}
	:: true /* nobody kills it */
	fi
}

/* When nothing can move any more. */
proctype judge()
{
	byte i = 0, stacks = 0;
	timeout ->
	d_step {
		assert(!queued[0] && !queued[1]);
		assert(status[1] == idle && status[KILLED] == (doomed -> dead : idle));
		assert(buried[KILLED] == (doomed -> 1 : 0) && buried[1] == 0);
		do
		:: i < STACKS ->
			assert(pooled[i] == (on_stack[i] == 0));
			stacks = stacks + on_stack[i];
			i++
		:: else -> break
		od;
		assert(stacks == THREADS)
	}
}

init {
	atomic {
		slot[0] = 0;
		holder[0] = 0;
		slot[1] = 1;
		holder[1] = 1;
		mine[1] = 1;
		on_stack[0] = 1;
		on_stack[1] = 1;
		pooled[0] = false;
		pooled[1] = false;
		run thread(0);
		run thread(1);
		run asker();
		run killer();
		run judge()
	}
}
