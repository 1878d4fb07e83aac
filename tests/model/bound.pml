/* SPDX-License-Identifier: MIT
 *
 * The bound of a mailbox (core/bound.c, and what mailbox.c does with it): places, two lanes, the waiting room. The word
 * `head` itself is searched in mailbox.pml; here its stack is a queue of which only the steps matter: a push and
 * taking all are one step each, and what was taken is in nobody's list until it is sorted in.
 *
 * Searched: two places; a producer of three ordinary messages, one of one, one of a control message (5); any of the policies
 * reject, drop_old and block; a consumer that may shut the mailbox after any ordinary message and opens it at the control
 * message; a killer, or none.
 *
 * Claimed: never more ordinary messages than places; each message has exactly one fate; what one producer sends is
 * handled in its order; nobody waits, and the service does not rest, while there is something that may be handled.
 */
/* verify: safety */
/* broken: RESERVE_IN_TWO_STEPS REST_WITHOUT_LOCK WAIT_WITHOUT_LOOK PASS_BEFORE_COLLECT */
/* broken: PLACE_FREED_AFTER_LOCK OPEN_RESTS CLOSE_WITHOUT_LOCK WAIT_ON_CLOSED */

#define MESSAGES 5
#define CONTROL	 5
#define MAX	 2

mtype = { reject, drop_old, block };
mtype policy;

/* The word: messages in `head`; none: one of the states. */
mtype = { awake, idle, closed };
mtype word = idle;
chan head = [MESSAGES] of { byte };

bool locked = false;
chan control = [1] of { byte };
chan ordinary = [MESSAGES] of { byte };
chan waiting = [MESSAGES] of { byte };
byte taken = 0;  /* places */
byte inside = 0; /* ordinary messages from the moment they are pushed to that in which they are out */
bool shut = false;
bool ready = false; /* the service is on the run queue */
bool gone = false;
byte fates[6];
byte last_handled = 0;

inline lock_take()
{
	atomic { !locked -> locked = true }
}

inline push(m)
{
	atomic {
		if
		:: word == closed -> fates[m]++
		:: else ->
			if
			:: word == idle -> assert(!ready); ready = true
			:: else
			fi;
			word = awake;
			head!m;
			if
			:: m != CONTROL -> inside++; assert(inside <= MAX)
			:: else
			fi
		fi
	}
}

/* got: whether it has a place */
inline reserve()
{
#ifdef RESERVE_IN_TWO_STEPS
	got = taken < MAX;
	if
	:: got -> taken++
	:: else
	fi
#else
	atomic {
		got = taken < MAX;
		if
		:: got -> taken++
		:: else
		fi
	}
#endif
}

/* With the lock: head into the lanes, by way of nobody's list. */
inline collect()
{
	d_step {
		do
		:: head?h -> hands!h
		:: empty(head) -> break
		od;
		h = 0
	}
	d_step {
		do
		:: hands?h ->
			if
			:: h == CONTROL -> control!h
			:: else -> ordinary!h
			fi
		:: empty(hands) -> break
		od;
		h = 0
	}
}

inline replace_oldest(m)
{
	lock_take();
	collect();
	atomic {
		got = false;
		if
		:: ordinary?h -> fates[h]++; inside--; got = true; h = 0
		:: empty(ordinary) -> fates[m]++
		fi;
		locked = false
	}
	if
	:: got -> push(m)
	:: else
	fi
}

inline wait_for_place(m)
{
#ifdef WAIT_WITHOUT_LOOK
	lock_take();
	got = false;
#else
	lock_take();
	reserve();
#endif
	atomic {
		if
		:: got
#ifndef WAIT_ON_CLOSED
		:: !got && word == closed -> fates[m]++
		:: !got && word != closed -> waiting!m
#else
		:: !got -> waiting!m
#endif
		fi;
		locked = false
	}
	if
	:: got -> push(m)
	:: else
	fi
}

proctype producer(byte from; byte to)
{
	byte m = from, h;
	bool got;
	chan hands = [MESSAGES] of { byte };
	do
	:: m <= to ->
		if
		:: m == CONTROL -> push(m)
		:: else ->
			reserve();
			if
			:: got -> push(m)
			:: !got && policy == reject -> fates[m]++
			:: !got && policy == drop_old -> replace_oldest(m)
			:: !got && policy == block -> wait_for_place(m)
			fi
		fi;
		m++
	:: else -> break
	od
}

/* With the lock. */
inline pass_place()
{
#ifndef PASS_BEFORE_COLLECT
	if
	:: nempty(waiting) -> collect()
	:: empty(waiting)
	fi;
#endif
	atomic {
		if
		:: waiting?h -> ordinary!h; inside++; assert(inside <= MAX); h = 0
		:: empty(waiting) ->
#ifndef PLACE_FREED_AFTER_LOCK
			taken--
#else
			freed = true
#endif
		fi
	}
}

inline pop()
{
	lock_take();
	if
	:: empty(control) && (shut || empty(ordinary)) -> collect()
	:: nempty(control) || (!shut && nempty(ordinary))
	fi;
	atomic {
		m = 0;
		if
		:: nempty(control) -> control?m
		:: !shut && nempty(ordinary) -> ordinary?m; inside-- /* either may be the older one */
		:: empty(control) && (shut || empty(ordinary))
		fi
	}
	if
	:: m != 0 && m != CONTROL -> pass_place()
	:: else
	fi;
	locked = false
#ifdef PLACE_FREED_AFTER_LOCK
	;
	if
	:: freed -> taken--; freed = false
	:: else
	fi
#endif
}

inline handle()
{
	atomic {
		fates[m]++;
		if
		:: m == CONTROL -> shut = false
		:: m != CONTROL ->
			if
			:: m < 4 -> assert(m > last_handled); last_handled = m
			:: else
			fi;
			if
			:: shut = true /* it began a task that is suspended, and more there may not be */
			:: true
			fi
		fi;
		m = 0
	}
}

inline rest()
{
#ifndef REST_WITHOUT_LOCK
	lock_take();
#else
	rested = empty(control) && (shut || empty(ordinary));
#endif
	atomic {
#ifdef OPEN_RESTS
		rested = empty(control);
#else
#ifndef REST_WITHOUT_LOCK
		rested = empty(control) && (shut || empty(ordinary));
#endif
#endif
		rested = rested && word == awake && empty(head);
		if
		:: rested -> word = idle
		:: else
		fi
	}
#ifndef REST_WITHOUT_LOCK
	locked = false
#endif
}

proctype consumer()
{
	byte m, h;
	bool rested, freed;
	chan hands = [MESSAGES] of { byte };
end:	do
	:: atomic { ready -> ready = false }
		do
		:: word == closed -> gone = true; break
		:: word != closed ->
			if
			:: pop()
			:: m = 0 /* the slice is used up */
			fi;
			if
			:: m != 0 -> handle()
			:: else ->
				rest();
				if
				:: rested -> break
				:: else
				fi
			fi
		od;
		rested = false
	od
}

inline give_back(queue)
{
	do
	:: queue?h -> fates[h]++
	:: empty(queue) -> break
	od
}

proctype killer()
{
	byte h;
	bool was_idle;
	chan hands = [MESSAGES] of { byte };
	if
	:: true ->
#ifndef CLOSE_WITHOUT_LOCK
		lock_take();
#endif
		d_step {
			was_idle = word == idle;
			word = closed;
			do
			:: head?h -> hands!h
			:: empty(head) -> break
			od
		}
		d_step {
			give_back(hands);
			give_back(control);
			give_back(ordinary);
			give_back(waiting);
			h = 0
		}
#ifndef CLOSE_WITHOUT_LOCK
		locked = false;
#endif
		if
		:: was_idle -> ready = true
		:: else
		fi
	:: true /* nobody kills it */
	fi
}

/* When nothing can move any more. */
proctype judge()
{
	byte m = 1;
	timeout ->
	d_step {
		assert(!locked && !ready && empty(head) && empty(control));
		assert(gone == (word == closed));
		assert(gone || word == idle);
		if
		:: gone -> assert(empty(ordinary) && empty(waiting))
		:: !gone && !shut -> assert(empty(ordinary) && empty(waiting) && taken == 0)
		:: !gone && shut -> assert(len(ordinary) == taken && (empty(waiting) || taken == MAX))
		fi;
		do
		:: m <= MESSAGES ->
			assert(fates[m] <= 1);
			assert(fates[m] == 1 || shut);
			m++
		:: else -> break
		od;
		assert(fates[1] + fates[2] + fates[3] + fates[4] + fates[5] + len(ordinary) + len(waiting) == MESSAGES)
	}
}

init {
	atomic {
		if
		:: policy = reject
		:: policy = drop_old
		:: policy = block
		fi;
		run producer(1, 3);
		run producer(4, 4);
		run producer(CONTROL, CONTROL);
		run consumer();
		run killer();
		run judge()
	}
}
