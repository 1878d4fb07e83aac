/* SPDX-License-Identifier: MIT
 *
 * How the monitor sleeps and is rung (watchdog/monitor.c, sched_ring in sched/sched.c). `due` says when it will
 * look by itself. It publishes "never", looks at the world, and then lowers `due` to what it found, never raises
 * it; who changes the world looks at `due` afterwards and lowers it and changes the bell if it needs an earlier
 * look. Both sides publish and then look at what the other published, so the stores must be visible before
 * the loads: a processor keeps a store in its buffer for a while unless told otherwise.
 *
 * Searched: two who change the world three times altogether, each change needing a look now, or later (a body
 * that was entered), or no more. Time stands still: a need for "now" that is slept through is never healed by a
 * tick, as it is in life after 100 ms.
 *
 * Claimed: whoever needs a look now gets it; when all is quiet, the monitor will look no later than anybody needs.
 */
/* verify: liveness */
/* broken: NO_FENCE PUBLISH_BY_STORE BELL_READ_LATE RING_FIRST WAKE_FIRST NEVER_AFTER_PASS */

#define NOW    0
#define LATER  1
#define NEVER  2
#define NOTHING 3

byte need[2] = NEVER;      /* the world, as everybody sees it */
byte buffer[2] = NOTHING;  /* a store that only its own processor sees */
byte due = NEVER;
byte bell = 0;
bool asleep = false;
byte quiet = 0; /* changers that are through */

#define DUE_FOR(i) (due <= need[i])

ltl nobody_is_slept_through {
	[] ((need[0] == NOW -> <> (need[0] != NOW)) && (need[1] == NOW -> <> (need[1] != NOW)))
}

inline change()
{
	buffer[me] = want;
#ifndef NO_FENCE
	buffer[me] == NOTHING /* xchg, or a mutex */
#endif
}

inline ring()
{
	d = due;
	do
	:: d <= want -> break
	:: else ->
		atomic {
			if
			:: due == d -> due = want; rang = true; break
			:: else -> d = due
			fi
		}
	od;
	if
	:: rang ->
#ifdef WAKE_FIRST
		asleep = false;
		bell++
#else
		bell++;
		asleep = false
#endif
	:: else
	fi;
	d = 0;
	rang = false
}

proctype changer(byte me; byte times)
{
	byte want, d;
	bool rang;
	do
	:: times > 0 ->
		times--;
		if
		:: want = NOW
		:: want = LATER
		:: want = NEVER
		fi;
#ifdef RING_FIRST
		ring();
		change()
#else
		change();
		ring()
#endif
	:: else -> break
	od;
	buffer[me] == NOTHING -> quiet++
}

/* The processor's store buffer. */
proctype processor(byte me)
{
end:	do
	:: atomic { buffer[me] != NOTHING -> need[me] = buffer[me]; buffer[me] = NOTHING }
	od
}

inline look(i)
{
	atomic {
		if
		:: need[i] == NOW -> need[i] = NEVER
		:: need[i] == LATER && next > LATER -> next = LATER
		:: else
		fi
	}
}

inline publish()
{
#ifdef PUBLISH_BY_STORE
	due = next;
#else
	d = due;
	do
	:: next >= d -> break
	:: else ->
		atomic {
			if
			:: due == d -> due = next; break
			:: else -> d = due
			fi
		}
	od;
#endif
	next = NEVER
}

inline sleep()
{
	atomic {
		if
		:: bell == seen -> asleep = true
		:: else
		fi
	}
end_asleep:
	!asleep
}

proctype monitor()
{
	byte seen, d, next = NEVER;
	do
	:: true ->
#ifdef BELL_READ_LATE
		d = due;
		seen = bell;
#else
		seen = bell;
		d = due;
#endif
		if
		:: d > NOW ->
			d = 0;
			sleep();
			seen = 0
		:: else ->
			d = 0;
			seen = 0;
#ifndef NEVER_AFTER_PASS
			due = NEVER;
#endif
			look(0);
			look(1);
#ifdef NEVER_AFTER_PASS
			due = NEVER;
#endif
			publish()
		fi
	od
}

proctype judge()
{
	timeout ->
	assert(quiet == 2 && DUE_FOR(0) && DUE_FOR(1))
}

init {
	atomic {
		run processor(0);
		run processor(1);
		run changer(0, 2);
		run changer(1, 1);
		run monitor();
		run judge()
	}
}
