/* SPDX-License-Identifier: MIT
 *
 * A thread that is stuck in C code loses its slot to a spare thread (worker_hand_off and leave_body in
 * sched/worker.c, leave_body in sched/park.c, wait_for_slot in sched/thread.c). The thread's word says who may
 * take the slot: LOOP nobody; BODY the monitor, by CAS to TAKING; TAKING: it is just doing so; DETACHED: the slot
 * is gone. The thread leaves its body by CAS as well, so it keeps the slot or learns that it has lost it. Without
 * a slot it queues its service, goes home and is a spare. The monitor also holds a detached thread in TAKING for the
 * moment in which it lowers its priority.
 *
 * Searched: one slot, three threads, two services with two turns each that end by returning or by being parked
 * from the signal handler; a monitor with two attempts, which looks at the thread first and acts later.
 *
 * Claimed: a slot has one owner, also in the moment of its move; the monitor takes it only from the dispatch that
 * it looked at; a service is queued once for each turn that ends, by a thread that still has it; in the end
 * every thread holds the slot or is in the list of spares, and not both; no thread that has a slot runs at the low
 * priority that the monitor gives to those that stay away.
 */
/* verify: safety */
/* broken: SLOT_KEPT_AT_HOME NO_TAKING GIVE_FIRST LEAVE_BY_STORE SPARE_FORGOTTEN NO_NUMBER */
/* broken: PARK_WHILE_TAKING SLOW_WITHOUT_CAS */

#define THREADS	 3
#define SERVICES 2
#define TURNS	 2
#define ATTEMPTS 2
#define NONE	 15

mtype = { loop, body, taking, detached }
mtype = { ready, running, off_slot, through }

/* The run queue, one step each under its lock. */
mtype status[SERVICES] = ready;
bool queued[SERVICES] = true;
byte turns[SERVICES];
byte dispatched = NONE; /* on the slot */
byte number = 0;

/* The slot. */
byte holder = 0;
byte owner = 0; /* whose it is in truth */

/* Threads. */
mtype state[THREADS] = loop;
byte which[THREADS]; /* the dispatch that state speaks of; one word with it */
byte cur[THREADS] = NONE;
bool slot[THREADS], given[THREADS], spare[THREADS];
bool low[THREADS]; /* the OS priority: lowered by the monitor, taken back at home */

inline put(service)
{
	atomic {
		assert(!queued[service] && status[service] != through);
		assert(status[service] == running || status[service] == off_slot);
		turns[service]++;
		if
		:: turns[service] < TURNS -> status[service] = ready; queued[service] = true
		:: else -> status[service] = through
		fi
	}
}

inline stopped()
{
	assert(dispatched != NONE);
	dispatched = NONE
}

/* The body has returned: waits until the monitor is done. kept: the slot is still ours. */
inline leave_body()
{
#ifdef LEAVE_BY_STORE
	kept = (state[me] == body);
	state[me] = loop
#else
	atomic {
		state[me] != taking;
		kept = (state[me] == body);
		state[me] = loop
	}
#endif
}

inline be_spare()
{
	atomic {
		assert(!spare[me]);
		spare[me] = true
	}
}

proctype thread(byte me)
{
	byte s = NONE;
	bool kept, parks;
end_home:
	if
	:: me == 0 && number == 0 /* begins with the slot */
#ifdef SLOT_KEPT_AT_HOME
	:: number > 0 && slot[me]
#endif
	:: atomic { given[me] -> given[me] = false; slot[me] = true }
	fi;
work:
	atomic {
		if
		:: queued[0] -> s = 0
		:: queued[1] -> s = 1
		:: else -> goto end_idle
		fi;
		queued[s] = false;
		assert(slot[me] && owner == me && dispatched == NONE && !low[me]);
		dispatched = s;
		number++
	}
	atomic { status[s] = running; cur[me] = s }
	atomic { state[me] = body; which[me] = number }
in_body:
	if
	:: parks = false /* it returns */
	:: parks = true	 /* the handler finds it where it can be parked */
	fi;
	if
	:: parks ->
		atomic {
#ifndef PARK_WHILE_TAKING
			if
			:: state[me] == taking -> goto in_body /* refused */
			:: else
			fi;
#endif
			kept = (state[me] == body);
			state[me] = loop
		}
	:: else -> leave_body()
	fi;
	cur[me] = NONE;
	if
	:: kept ->
		atomic { assert(owner == me); stopped(); put(s); s = NONE };
		goto work
	:: else ->
		assert(status[s] == off_slot);
#ifdef SLOT_KEPT_AT_HOME
		atomic {
			if
			:: parks
			:: else -> slot[me] = false
			fi
		}
#else
		slot[me] = false;
#endif
		put(s);
		s = NONE;
		low[me] = false;
		be_spare();
		goto end_home
	fi;
end_idle:
	/* Asleep as an idle worker; woken when something is queued. */
	queued[0] || queued[1] -> goto work
}

inline take_spare()
{
	atomic {
		if
		:: spare[0] -> sp = 0; spare[0] = false
		:: spare[1] -> sp = 1; spare[1] = false
		:: spare[2] -> sp = 2; spare[2] = false
		:: else -> sp = NONE
		fi
	}
}

inline give_slot()
{
	atomic {
		assert(!given[sp] && !slot[sp]);
		given[sp] = true;
		owner = sp;
		holder = sp
	}
}

/* It stays away for long. */
inline slow_down()
{
#ifdef SLOW_WITHOUT_CAS
	if
	:: state[t] == detached && which[t] == e -> low[t] = true
	:: else
	fi
#else
	if
	:: atomic { state[t] == detached && which[t] == e -> state[t] = taking };
		low[t] = true;
		state[t] = detached
	:: else
	fi
#endif
}

proctype monitor()
{
	byte left = ATTEMPTS, t, e, sp = NONE;
	bool done;
	do
	:: left > 0 ->
		left--;
		/* It looks: a dispatch that is asked to stop and does not. */
		atomic {
			if
			:: state[holder] == body -> t = holder; e = which[holder]
			:: true -> break
			fi
		}
		take_spare();
		if
		:: sp == NONE
		:: else ->
#ifdef GIVE_FIRST
			give_slot();
#endif
			/* CAS */
			atomic {
				if
#ifdef NO_NUMBER
				:: state[t] == body -> done = true
#else
				:: state[t] == body && which[t] == e -> done = true
#endif
				:: else -> done = false
				fi;
				if
				:: done ->
					assert(which[t] == e);
#ifdef NO_TAKING
					state[t] = detached
#else
					state[t] = taking
#endif
				:: else
				fi
			}
			if
			:: !done ->
#ifndef SPARE_FORGOTTEN
				atomic { assert(!spare[sp]); spare[sp] = true }
#endif
			:: else ->
				atomic { assert(cur[t] != NONE && dispatched == cur[t]); stopped() };
				atomic {
					assert(cur[t] != NONE && status[cur[t]] == running);
					status[cur[t]] = off_slot
				};
#ifndef GIVE_FIRST
				give_slot();
#endif
				state[t] = detached;
				if
				:: slow_down()
				:: true
				fi
			fi;
			atomic { sp = NONE; done = false }
		fi;
		atomic { t = 0; e = 0 }
	:: else -> break
	od
}

/* When nothing can move any more. */
proctype judge()
{
	byte i = 0, holders = 0;
	timeout ->
	d_step {
		assert(!queued[0] && !queued[1] && dispatched == NONE);
		assert(turns[0] == TURNS && turns[1] == TURNS);
		do
		:: i < THREADS ->
			assert(slot[i] + given[i] + spare[i] == 1);
			holders = holders + slot[i] + given[i];
			i++
		:: else -> break
		od;
		assert(holders == 1 && (slot[holder] || given[holder]))
	}
}

init {
	atomic {
		slot[0] = true;
		spare[1] = true;
		spare[2] = true;
		run thread(0);
		run thread(1);
		run thread(2);
		run monitor();
		run judge()
	}
}
