/* SPDX-License-Identifier: MIT
 *
 * A thread that spins in C code stops in its handler until its service's turn comes (sched/hold.c, the handler in
 * sched/park.c, wait_for_slot in sched/thread.c). Detached, it queues its service and sleeps. On a slot, it takes a
 * spare itself and gives it the slot. Whoever picks the service gives his slot to the held thread and goes
 * home. Meanwhile the monitor hands slots off as in handoff.pml.
 *
 * Searched: two slots, four threads, two services in C code that are stopped or handed off at any time and return
 * when one was stopped twice, the other once, or before; a monitor with one attempt, which looks at the thread first and acts
 * later.
 *
 * Claimed: a slot has one owner, also in the moment of its move; a service is on one thread at a time, and queued once
 * for each stop; only the thread that sleeps on it goes on with it, with the slot that it was dispatched on; in the
 * end every thread holds a slot or is in the list of spares, and not both, and all services are through.
 */
/* verify: safety */
/* broken: HOLD_BY_STORE SPARE_FORGOTTEN SLOT_KEPT QUEUE_BEFORE_STOP SLOT_READ_LATE GIVE_TO_ANYBODY */
/* broken: HOLD_WHILE_TAKING PICKER_RUNS_IT */

#define THREADS	 4
#define SLOTS	 2
#define SERVICES 2
#define STOPS	 2
#define ATTEMPTS 1
#define NONE	 15

mtype = { loop, body, taking, detached, held }
mtype = { ready, running, off_slot, waits, through }

/* The run queue, one step each under its lock. */
mtype status[SERVICES] = ready;
bool queued[SERVICES] = true;
byte stops[SERVICES];
byte on_threads[SERVICES];
byte held_on[SERVICES] = NONE;
byte dispatched[SLOTS] = NONE;
byte number = 0;

byte holder[SLOTS];
byte owner[SLOTS]; /* whose it is in truth */

mtype state[THREADS] = loop;
byte which[THREADS]; /* the dispatch that state speaks of; one word with it */
byte cur[THREADS] = NONE;
byte slot[THREADS] = NONE, given[THREADS] = NONE;
bool spare[THREADS];

inline take_spare(sp)
{
	atomic {
		if
		:: spare[2] -> sp = 2; spare[2] = false
		:: !spare[2] && spare[3] -> sp = 3; spare[3] = false
		:: !spare[2] && !spare[3] && spare[0] -> sp = 0; spare[0] = false
		:: !spare[2] && !spare[3] && !spare[0] && spare[1] -> sp = 1; spare[1] = false
		:: else -> sp = NONE
		fi
	}
}

inline return_spare(sp)
{
#ifndef SPARE_FORGOTTEN
	atomic { assert(!spare[sp]); spare[sp] = true };
#endif
	sp = NONE
}

inline give_slot(to, w)
{
	atomic {
		assert(given[to] == NONE && slot[to] == NONE);
		given[to] = w;
		owner[w] = to;
		holder[w] = to
	}
}

inline queue_held()
{
	atomic {
		assert(!queued[s]);
		status[s] = waits;
		held_on[s] = me;
		stops[s]++;
		queued[s] = true
	}
}

/* The handler, on a slot: gives it to a spare and stops. `done`: it did. */
inline hold_on_slot()
{
	done = false;
	take_spare(sp);
	if
	:: sp == NONE
	:: else ->
#ifdef HOLD_BY_STORE
		atomic {
			if
			:: state[me] == body -> done = true
			:: else
			fi
		};
		if
		:: done -> state[me] = held
		:: else -> return_spare(sp)
		fi;
#else
		atomic {
			if
#ifdef HOLD_WHILE_TAKING
			:: state[me] == body || state[me] == taking -> state[me] = held; done = true
#else
			:: state[me] == body -> state[me] = held; done = true
#endif
			:: else
			fi
		};
		if
		:: done
		:: else -> return_spare(sp)
		fi;
#endif
		if
		:: done ->
			atomic {
				w = slot[me];
#ifndef SLOT_READ_LATE
				slot[me] = NONE;
#endif
				assert(owner[w] == me && status[s] == running);
				on_threads[s]--
			}
#ifdef QUEUE_BEFORE_STOP
			queue_held();
			atomic { assert(dispatched[w] == s); dispatched[w] = NONE };
#else
			atomic { assert(dispatched[w] == s); dispatched[w] = NONE };
			queue_held();
#endif
#ifdef SLOT_READ_LATE
			if
			:: given[me] != NONE -> slot[me] = given[me]; given[me] = NONE
			:: true
			fi;
			w = slot[me];
			slot[me] = NONE;
#endif
			give_slot(sp, w);
			atomic { sp = NONE; w = NONE }
		:: else
		fi
	fi
}

/* The same without a slot. */
inline hold_detached()
{
	atomic {
		if
		:: state[me] == detached -> state[me] = held; done = true
		:: else -> done = false
		fi
	};
	if
	:: done ->
		atomic { slot[me] = NONE; assert(status[s] == off_slot); on_threads[s]-- };
		queue_held()
	:: else
	fi
}

proctype thread(byte me)
{
	byte s = NONE, sp = NONE, w = NONE;
	bool kept, done;
	if
	:: slot[me] != NONE -> goto work
	:: else
	fi;
end_home:
	atomic { given[me] != NONE -> slot[me] = given[me]; given[me] = NONE };
work:
	atomic {
		if
		:: queued[0] -> s = 0
		:: !queued[0] && queued[1] -> s = 1
		:: else -> goto end_idle
		fi;
		queued[s] = false;
		assert(slot[me] != NONE && owner[slot[me]] == me && dispatched[slot[me]] == NONE);
		assert(dispatched[0] != s && dispatched[1] != s);
		dispatched[slot[me]] = s;
		number++
	}
	if
#ifdef PICKER_RUNS_IT
	:: false
#else
	:: status[s] == waits ->
#endif
		/* Its turn: its own thread goes on with it. */
		atomic {
			w = slot[me];
#ifndef SLOT_KEPT
			slot[me] = NONE
#endif
		};
#ifdef GIVE_TO_ANYBODY
		take_spare(sp);
		if
		:: sp != NONE -> give_slot(sp, w)
		:: else -> give_slot(held_on[s], w)
		fi;
#else
		give_slot(held_on[s], w);
#endif
		atomic { s = NONE; w = NONE; sp = NONE };
#ifdef SLOT_KEPT
		goto work;
#endif
		atomic { assert(!spare[me]); spare[me] = true };
		goto end_home
	:: else
	fi;
enter:
	atomic {
		assert(owner[slot[me]] == me && dispatched[slot[me]] == s);
		assert(held_on[s] == NONE || held_on[s] == me);
		held_on[s] = NONE;
		status[s] = running;
		on_threads[s]++;
		assert(on_threads[s] == 1);
		cur[me] = s
	}
	atomic { state[me] = body; which[me] = number };
in_body:
	if
	:: state[me] == body && stops[s] < STOPS ->
		hold_on_slot();
		if
		:: done -> goto end_held
		:: else -> goto in_body
		fi
	:: state[me] == detached && stops[s] < STOPS ->
		hold_detached();
		if
		:: done -> goto end_held
		:: else -> goto in_body
		fi
	:: true /* the call returns */
	fi;
	atomic {
		state[me] != taking;
		kept = (state[me] == body);
		state[me] = loop;
		which[me] = 0;
		cur[me] = NONE
	}
	atomic {
		assert(status[s] == (kept -> running : off_slot));
		status[s] = through;
		on_threads[s]--;
		if
		:: kept ->
			assert(owner[slot[me]] == me && dispatched[slot[me]] == s);
			dispatched[slot[me]] = NONE
		:: else
		fi;
		s = NONE
	}
	done = false;
	if
	:: kept -> kept = false; goto work
	:: else ->
		slot[me] = NONE;
		atomic { assert(!spare[me]); spare[me] = true };
		goto end_home
	fi;
end_held:
	/* Asleep in the handler. */
	atomic { given[me] != NONE -> slot[me] = given[me]; given[me] = NONE };
	goto enter;
end_idle:
	queued[0] || queued[1] -> goto work
}

proctype monitor()
{
	byte left = ATTEMPTS, w, t, e, sp = NONE;
	bool done;
	do
	:: left > 0 ->
		left--;
		/* It looks: a dispatch that is asked to stop and does not. */
		atomic {
			if
			:: state[holder[0]] == body -> w = 0
			:: state[holder[1]] == body -> w = 1
			:: true -> break
			fi;
			t = holder[w];
			e = which[t]
		}
		take_spare(sp);
		if
		:: sp == NONE
		:: else ->
			atomic {
				if
				:: state[t] == body && which[t] == e -> state[t] = taking; done = true
				:: else -> done = false
				fi
			}
			if
			:: !done -> return_spare(sp)
			:: else ->
				atomic {
					assert(owner[w] == t && cur[t] != NONE && dispatched[w] == cur[t]);
					dispatched[w] = NONE
				};
				atomic {
					assert(status[cur[t]] == running);
					status[cur[t]] = off_slot
				};
				/* The thread does not look at its slot until it is DETACHED. */
				atomic {
					assert(given[sp] == NONE && slot[sp] == NONE);
					given[sp] = w;
					owner[w] = sp;
					holder[w] = sp
				};
				state[t] = detached;
				sp = NONE
			fi
		fi;
		atomic { w = 0; t = 0; e = 0; done = false }
	:: else -> break
	od
}

/* When nothing can move any more. */
proctype judge()
{
	byte i = 0;
	timeout ->
	d_step {
		assert(status[0] == through && status[1] == through);
		assert(!queued[0] && !queued[1]);
		do
		:: i < SLOTS ->
			assert(dispatched[i] == NONE && holder[i] == owner[i]);
			assert(slot[owner[i]] == i || given[owner[i]] == i);
			i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < THREADS ->
			assert((slot[i] != NONE) + (given[i] != NONE) + spare[i] == 1);
			i++
		:: else -> break
		od
	}
}

init {
	atomic {
		stops[1] = STOPS - 1;
		slot[0] = 0; owner[0] = 0; holder[0] = 0;
		slot[1] = 1; owner[1] = 1; holder[1] = 1;
		spare[2] = true;
		spare[3] = true;
		run thread(0);
		run thread(1);
		run thread(2);
		run thread(3);
		run monitor();
		run judge()
	}
}
