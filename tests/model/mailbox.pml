/* SPDX-License-Identifier: MIT
 *
 * The mailbox (core/mailbox.c) and the service's way between idle, ready and running (sched/worker.c). The
 * head word holds the newest message or one of three states; whoever moves it from IDLE to anything else
 * owns the duty of making the service ready.
 *
 * Searched: two producers with three messages, two workers that may end a turn after any message, one
 * who rouses the service without a message, and a killer who closes the mailbox at any time, or never.
 *
 * Claimed: every message is handled, refused or returned by close, and exactly one of these; what one
 * producer sends is handled in its order; the service is never on two run queues or run by two workers;
 * it is never at rest with a message queued; nothing is accepted once it is closed; a killed service is
 * buried, once, and not run after that.
 */
/* verify: safety */
/* broken: REST_WITHOUT_CAS WAKE_EVERY_PUSH STATE_AFTER_REST CLOSED_RESTS IDLE_NOT_TOLD */
/* broken: CLOSE_BY_STORE CLOSE_WITHOUT_LOCK NEWEST_FIRST */

#define NONE	 0 /* no message: the end of a chain */
#define EMPTY	 4 /* head: no message, the service is ready or running */
#define IDLE	 5 /* head: no message, the service is at rest */
#define CLOSED	 6 /* head: for ever */
#define MESSAGES 3 /* 1 and 2 from the first producer, 3 from the second */

#define IS_MESSAGE(h) ((h) < EMPTY && (h) != NONE)

mtype = { at_rest, ready, running, dead };

byte head = IDLE;
byte next[4];
byte first = NONE; /* chain of messages taken off head, oldest first */
bool locked = false;
bool doomed = false; /* set before the mailbox is closed */
bool closed = false; /* set after it */
byte buried = 0;

mtype state = at_rest;
byte run_queue = 0; /* how often the service is on it */
byte owners = 0;    /* workers that run it */

byte handled[4], refused[4], returned[4];
byte last_handled = 0; /* of the first producer */

inline lock_take()
{
	atomic { !locked -> locked = true }
}

inline lock_release()
{
	locked = false
}

/* Under the run queue's own lock in the code, so one step here. */
inline make_ready()
{
	atomic {
		assert(state == at_rest);
		state = ready;
		run_queue++;
		assert(run_queue == 1)
	}
}

inline push(m)
{
	late = closed;
	pushed = false;
	do
	:: pushed -> break
	:: else ->
		h = head;
		if
		:: h == CLOSED -> refused[m]++; break
		:: else ->
			if
			:: IS_MESSAGE(h) -> next[m] = h
			:: else -> next[m] = NONE
			fi;
			atomic {
				if
				:: head == h -> head = m; pushed = true; assert(!late)
				:: else
				fi
			}
		fi
	od;
	if
#ifdef WAKE_EVERY_PUSH
	:: pushed -> make_ready()
#else
	:: pushed && h == IDLE -> make_ready()
#endif
	:: else
	fi;
	h = 0;
	late = false
}

proctype producer(byte from; byte to)
{
	byte m = from, h;
	bool pushed, late;
	do
	:: m <= to -> push(m); m++
	:: else -> break
	od
}

proctype rouser()
{
	bool woke;
	atomic {
		if
		:: head == IDLE -> head = EMPTY; woke = true
		:: else
		fi
	}
	if
	:: woke -> make_ready()
	:: else
	fi
}

/* Takes all off the head and turns the chain round; the worker's part, under the mailbox's lock. */
inline fill()
{
	h = head;
	do
	:: IS_MESSAGE(h) ->
		atomic {
			if
			:: head == h -> head = EMPTY; break
			:: else -> h = head
			fi
		}
	:: else -> break
	od;
	skip; /* a break may not lead into a d_step */
	d_step {
#ifdef NEWEST_FIRST
		if
		:: IS_MESSAGE(h) -> first = h
		:: else
		fi;
#else
		do
		:: IS_MESSAGE(h) -> older = next[h]; next[h] = first; first = h; h = older
		:: else -> break
		od;
#endif
		h = 0;
		older = 0
	}
}

/* m: the oldest message, or NONE */
inline pop()
{
	m = NONE;
	look = first;
	if
	:: look == NONE -> look = head
	:: else
	fi;
	if
	:: IS_MESSAGE(look) ->
		lock_take();
		if
		:: first == NONE -> fill()
		:: else
		fi;
		m = first;
		if
		:: m != NONE -> first = next[m]
		:: else
		fi;
		lock_release()
	:: else
	fi;
	look = NONE
}

inline handle()
{
	d_step {
		handled[m]++;
		if
		:: m < 3 -> assert(m > last_handled); last_handled = m
		:: else
		fi;
		m = NONE
	}
}

/* Back onto the run queue, under its lock. */
inline requeue()
{
	atomic {
		state = ready;
		owners--;
		run_queue++;
		assert(run_queue == 1)
	}
}

/* rested: true when the service is not ours any more */
inline rest()
{
	rested = false;
	look = first;
	if
	:: look == NONE ->
#ifdef REST_WITHOUT_CAS
		if
		:: head == EMPTY -> head = IDLE; rested = true
		:: else
		fi
#else
		atomic {
			if
			:: head == EMPTY -> assert(first == NONE); head = IDLE; rested = true
#ifdef CLOSED_RESTS
			:: head == CLOSED -> rested = true
#endif
			:: else
			fi
		}
#endif
	:: else
	fi;
	look = NONE
}

/* The turn is over: with messages left, or none, or the service doomed. */
inline finish()
{
	if
	:: doomed || IS_MESSAGE(head) || first != NONE -> requeue()
	:: else ->
#ifdef STATE_AFTER_REST
		rest();
		if
		:: rested -> atomic { state = at_rest; owners-- }
		:: else -> requeue()
		fi
#else
		/* Before the word changes: from then on the service is the next producer's. */
		atomic { state = at_rest; owners-- }
		rest();
		if
		:: !rested -> owners++; requeue()
		:: else
		fi
#endif
	fi;
	rested = false
}

proctype worker()
{
	byte m, h, older, look;
	bool rested;
end:	do
	:: atomic {
		run_queue > 0 ->
		run_queue--;
		assert(state == ready && buried == 0);
		state = running;
		owners++;
		assert(owners == 1)
	   }
		if
		:: doomed -> atomic { buried++; state = dead; owners-- }
		:: else ->
			do
			:: pop();
				if
				:: m == NONE -> break
				:: else -> handle()
				fi
			:: true -> break /* the slice is used up */
			od;
			finish()
		fi
	od
}

inline give_back(chain)
{
	d_step {
		do
		:: IS_MESSAGE(chain) -> returned[chain]++; chain = next[chain]
		:: else -> break
		od;
		chain = 0
	}
}

proctype killer()
{
	byte h, old;
	if
	:: true ->
		doomed = true;
#ifndef CLOSE_WITHOUT_LOCK
		lock_take();
#endif
#ifdef CLOSE_BY_STORE
		h = head;
		head = CLOSED;
#else
		d_step { h = head; head = CLOSED }
#endif
		closed = true;
		old = first;
		first = NONE;
#ifndef CLOSE_WITHOUT_LOCK
		lock_release();
#endif
		if
#ifndef IDLE_NOT_TOLD
		:: h == IDLE -> make_ready()
#endif
		:: else
		fi;
		give_back(old);
		give_back(h)
	:: true /* nobody kills it */
	fi
}

/* When nothing can move any more. */
proctype judge()
{
	byte m = 1;
	timeout ->
	d_step {
		assert(run_queue == 0 && owners == 0);
		assert(doomed == (head == CLOSED) && doomed == (state == dead) && doomed == (buried == 1));
		assert(doomed || (head == IDLE && state == at_rest));
		assert(first == NONE && !locked);
		do
		:: m <= MESSAGES ->
			assert(handled[m] + refused[m] + returned[m] == 1);
			assert(doomed || handled[m] == 1);
			m++
		:: else -> break
		od
	}
}

init {
	atomic {
		run producer(1, 2);
		run producer(3, 3);
		run rouser();
		run worker();
		run worker();
		run killer();
		run judge()
	}
}
