/* SPDX-License-Identifier: MIT
 *
 * C functions that never return take turns (sched/hold.c): does each get its turn again and again? One worker, two
 * services in C code that spins, three threads. held.pml shows that nothing breaks; this one that nothing stops. Here the
 * queue is first in, first out, as the deadlines of equals make it, and a thread sleeps by the futex protocol of
 * thread_wait_turn: read `wake`, look at `given`, sleep while `wake` is what it was.
 *
 * The monitor signals whoever has run for its slice while somebody waits, and again for as long as that is so, since a
 * signal may meet the handler (then it does nothing) or find no spare (then the thread goes on).
 */
/* verify: liveness */
/* broken: ASKED_ONCE SLEEP_WITHOUT_LOOK PICKER_STAYS_AWAY NOT_QUEUED HANDLER_STAYS_MARKED */

#define THREADS 3
#define NONE	7

mtype = { running, waits };

mtype status[2] = waits;
byte held_on[2];
chan queue = [2] of { byte };

byte slot_of = NONE;	       /* the thread that has the slot */
byte body = NONE;	       /* the service that runs in its body */
bool given[THREADS], spare[THREADS], asleep[THREADS];
byte wake[THREADS];
bool in_handler[THREADS], signalled[THREADS], asked;

bool turn0, turn1; /* the service is on the slot in its C code */

inline give_slot(to)
{
	given[to] = true;
	atomic {
		wake[to] = (wake[to] + 1) % 4;
		asleep[to] = false
	}
}

/* As thread_wait_turn and wait_for_slot do it. */
inline wait_for_slot()
{
	seen = wake[me];
	do
	:: given[me] -> given[me] = false; break
	:: else ->
#ifdef SLEEP_WITHOUT_LOOK
		asleep[me] = true;
#else
		atomic { asleep[me] = (wake[me] == seen) };
#endif
		!asleep[me];
		seen = wake[me]
	od;
	slot_of = me
}

/* The worker loop of a thread without a service of its own: takes the next one and gives it its turn. */
proctype picker(byte me)
{
	byte s, seen;
	do
	:: wait_for_slot();
		atomic { queue ? s };
		assert(status[s] == waits);
		give_slot(held_on[s]);
#ifndef PICKER_STAYS_AWAY
		spare[me] = true
#endif
	od
}

/* A thread in C code of service `s` that never returns. */
proctype spinner(byte me; byte s)
{
	byte seen, sp;
	goto sleep;
	do
	::
		/* In its C code, for as long as no signal comes. */
		signalled[me] -> signalled[me] = false;
		if
		:: in_handler[me]
		:: else ->
			in_handler[me] = true;
			atomic {
				if
				:: spare[2] -> sp = 2; spare[2] = false
				:: else -> sp = NONE
				fi
			};
			if
			:: sp == NONE -> in_handler[me] = false
			:: else ->
				atomic {
					body = NONE;
					status[s] = waits;
					if
					:: s == 0 -> turn0 = false
					:: s == 1 -> turn1 = false
					fi
				};
#ifndef NOT_QUEUED
				queue ! s;
#endif
				give_slot(sp);
sleep:
				wait_for_slot();
				atomic {
					assert(body == NONE);
					body = s;
					status[s] = running;
					asked = false;
					if
					:: s == 0 -> turn0 = true
					:: s == 1 -> turn1 = true
					fi
				};
#ifndef HANDLER_STAYS_MARKED
				in_handler[me] = false
#endif
			fi
		fi
	od
}

proctype monitor()
{
	do
#ifdef ASKED_ONCE
	:: atomic { body != NONE && len(queue) > 0 && !asked -> asked = true; signalled[slot_of] = true }
#else
	:: atomic { body != NONE && len(queue) > 0 -> asked = true; signalled[slot_of] = true }
#endif
	od
}

/* Each of the two runs for ever, again and again. */
ltl turns { []<> turn0 && []<> turn1 }

init {
	atomic {
		held_on[0] = 0;
		held_on[1] = 1;
		in_handler[0] = true;
		in_handler[1] = true;
		queue ! 0;
		queue ! 1;
		given[2] = true;
		run spinner(0, 0);
		run spinner(1, 1);
		run picker(2);
		run monitor()
	}
}
