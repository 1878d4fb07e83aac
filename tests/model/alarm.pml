/* SPDX-License-Identifier: MIT
 *
 * How the monitor sleeps and is rung (core/alarm.h, watchdog/monitor.c). `due` says when it will look by itself. Before it looks
 * at the world it publishes a late `due`, and then lowers it to what it found, never raises it; who changes the world looks
 * at `due` afterwards, and if it needs an earlier look lowers it and sets the kernel's timer. Both sides publish and
 * then look at what the other published, so the stores must be visible before the loads: a processor keeps a store in
 * its buffer for a while unless told otherwise. Whoever sets the timer reads `due` once more.
 *
 * Searched: two who change the world three times altogether, each change needing a look now, or later (a body
 * that was entered), or no more. Time stands still: a timer that is set for now goes off, one for later does not; so a need
 * for "now" that is slept through is never healed by a tick, as it is in life after 100 ms.
 *
 * Claimed: whoever needs a look now gets it; when all is quiet, the monitor will look no later than anybody needs, and the
 * timer is set no later than that.
 */
/* verify: liveness */
/* broken: NO_FENCE PUBLISH_BY_STORE RING_FIRST NEVER_AFTER_PASS SET_ONCE SLEEP_UNSET */

#define NOW    0
#define LATER  1
#define NEVER  2
#define NOTHING 3

byte need[2] = NEVER;      /* the world, as everybody sees it */
byte buffer[2] = NOTHING;  /* a store that only its own processor sees */
byte due = NEVER;
byte timer = NEVER;
bool gone_off = false;
byte quiet = 0; /* changers that are through */

#define DUE_FOR(i) (due <= need[i])

ltl nobody_is_slept_through {
	[] ((need[0] == NOW -> <> (need[0] != NOW)) && (need[1] == NOW -> <> (need[1] != NOW)))
}

inline set(first_at)
{
	at = first_at;
	do
	:: true ->
		atomic { timer = at; gone_off = false }
#ifdef SET_ONCE
		break
#else
		d = due;
		if
		:: d >= at -> break
		:: else -> at = d
		fi
#endif
	od;
	at = 0;
	d = 0
}

inline lower(by)
{
	d = due;
	lowered = false;
	do
	:: d <= by -> break
	:: else ->
		atomic {
			if
			:: due == d -> due = by; lowered = true; break
			:: else -> d = due
			fi
		}
	od;
	d = 0
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
	lower(want);
	if
	:: lowered -> lowered = false; set(want)
	:: else
	fi
}

proctype changer(byte me; byte times)
{
	byte want, d, at;
	bool lowered;
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

proctype kernel()
{
end:	do
	:: atomic { timer == NOW -> timer = NEVER; gone_off = true }
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

/* Where passes follow each other closely the next one is certain already. */
inline rest()
{
	if
	:: due = NEVER
	:: due = LATER
	fi
}

inline publish()
{
#ifdef PUBLISH_BY_STORE
	due = next;
#else
	lower(next);
	lowered = false;
#endif
	next = NEVER
}

proctype monitor()
{
	byte d, at, next = NEVER;
	bool lowered;
	do
	:: due > NOW ->
#ifndef SLEEP_UNSET
		set(due);
#endif
end_asleep:
		atomic { gone_off -> gone_off = false }
	:: due == NOW ->
#ifndef NEVER_AFTER_PASS
		rest();
#endif
		look(0);
		look(1);
#ifdef NEVER_AFTER_PASS
		rest();
#endif
		publish()
	od
}

proctype judge()
{
	timeout ->
	assert(quiet == 2 && DUE_FOR(0) && DUE_FOR(1) && timer <= due)
}

init {
	atomic {
		run processor(0);
		run processor(1);
		run changer(0, 2);
		run changer(1, 1);
		run kernel();
		run monitor();
		run judge()
	}
}
