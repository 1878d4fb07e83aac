/* SPDX-License-Identifier: MIT
 *
 * How a worker without work goes to sleep and is found again (sched/idle.c, sched/runq.c, pick() in
 * sched/worker.c), with a heap per worker. A worker that finds nothing enlists as idle, and then reads how many
 * wait: if somebody does it takes itself off the list and searches again, unless somebody has claimed it, and then
 * something is on its way. Whoever makes a service ready claims an idle worker and hands the service to it; is
 * there none, he puts it into some heap, counts it as waiting, and looks for an idle worker once more: to that one he
 * hands the order to search (a kick). After handing over he changes the worker's word, and then wakes it in the
 * kernel if it says that it sleeps there.
 *
 * The list is a mask of bits, taken one by one, and a count, which is raised before the bit
 * and lowered after it. (Raised after it, a claim in between made the count 0 while another worker was asleep: this
 * model found it.)
 *
 * Searched: two workers, two wakers with three services, of which one never ends once it runs.
 * (Requeueing is a push like the wakers'.) owed.pml searches it with one waker and a wake-up that is owed.
 *
 * Claimed: no wake-up is lost, that is, when nothing moves any more no service waits although a worker sleeps, in
 * spite of the worker that is lost to the endless service; each service is run once for each time it was made
 * ready, by one worker; a worker is handed one thing at a time.
 */
/* verify: safety */
/* broken: COUNT_LATE NO_SECOND_LOOK LOOK_BEFORE_ENLISTING CLAIM_IN_TWO_STEPS RETRACT_BLINDLY WAKE_BEFORE_WORD SLEEP_WITHOUT_READING READ_WORD_LATE FLAG_BEFORE_WORD */

#define WORKERS	 2
#define SERVICES 3
#define ENDLESS	 0 /* never gives its worker back */
#define KICK	 8
#define NOBODY	 9

bool heap[SERVICES]; /* all heaps together */
bool locked;         /* the one that somebody is being pushed into, taken for all */
byte waiting;
bool idle[WORKERS];
byte count;
byte handed[WORKERS] = NOBODY;

byte word[WORKERS];     /* changes when something was handed */
bool sleeping[WORKERS]; /* it says so itself */
bool asleep[WORKERS];   /* in the kernel */

byte made_ready[SERVICES], ran[SERVICES];

#define ANY (heap[0] || heap[1] || heap[2])

/* The kernel's promise: comparing the word and going to sleep is one step. */
inline futex_wait(w, expected)
{
	atomic {
		if
#ifdef SLEEP_WITHOUT_READING
		:: true -> asleep[w] = true
#else
		:: word[w] == expected -> asleep[w] = true
		:: else
#endif
		fi
	}
end_asleep:
	!asleep[w]
}

/* One heap with its lock: what it holds and the count change together. Which of several services it is depends on
 * their deadlines; here it is free. */
inline take()
{
	atomic {
		!locked;
		if
		:: heap[0] -> s = 0; heap[0] = false; waiting--
		:: heap[1] -> s = 1; heap[1] = false; waiting--
		:: heap[2] -> s = 2; heap[2] = false; waiting--
		:: else /* somebody was faster */
		fi
	}
}

inline retract()
{
	atomic {
		taken = idle[me];
		idle[me] = false
	}
	if
	:: taken -> count--
	:: else
	fi
}

/* s: a service, or NOBODY when the worker is enlisted, or claimed. */
inline search()
{
	do
	:: ANY -> take(); if :: s != NOBODY -> break :: else fi
	:: !ANY ->
#ifdef LOOK_BEFORE_ENLISTING
		taken = waiting == 0;
		count++;
		idle[me] = true;
		if
		:: taken -> break
		:: else
		fi;
#else
#ifdef COUNT_LATE
		idle[me] = true;
		count++;
#else
		count++;
		idle[me] = true;
#endif
		if
		:: waiting == 0 -> break
		:: else
		fi;
#endif
		retract();
		if
#ifndef RETRACT_BLINDLY
		:: !taken -> break
#endif
		:: else
		fi
	od;
	taken = false
}

inline take_handed()
{
	atomic {
		s = handed[me];
		handed[me] = NOBODY
	}
	if
	:: s == KICK -> s = NOBODY; search()
	:: else
	fi
}

inline sleep_until_handed()
{
	do
	:: s != NOBODY -> break
	:: else ->
#ifdef READ_WORD_LATE
		take_handed();
		seen = word[me];
#else
		seen = word[me];
		take_handed();
#endif
		if
		:: s == NOBODY ->
			sleeping[me] = true;
			futex_wait(me, seen);
			sleeping[me] = false
		:: else
		fi
	od;
	seen = 0
}

/* w: a worker that is ours to hand something to, or NOBODY. */
inline claim()
{
	w = NOBODY;
	if
	:: count == 0
	:: else ->
		i = 0;
		do
		:: i < WORKERS && w == NOBODY ->
#ifdef CLAIM_IN_TWO_STEPS
			if
			:: idle[i] -> w = i
			:: else
			fi;
			if
			:: w == i -> idle[i] = false
			:: else
			fi;
#else
			atomic {
				if
				:: idle[i] -> w = i; idle[i] = false
				:: else
				fi
			}
#endif
			if
			:: w != NOBODY -> count--
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0
	fi
}

inline hand(what)
{
	assert(handed[w] == NOBODY);
	handed[w] = what;
#ifdef FLAG_BEFORE_WORD
	if
	:: sleeping[w] -> word[w]++; asleep[w] = false
	:: else -> word[w]++
	fi
#else
#ifdef WAKE_BEFORE_WORD
	asleep[w] = false;
	word[w]++
#else
	word[w]++;
	if
	:: sleeping[w] -> asleep[w] = false
	:: else
	fi
#endif
#endif
}

inline into_heap(service)
{
	atomic { !locked -> locked = true }
	heap[service] = true;
	atomic { waiting++; locked = false }
}

inline push(service)
{
	into_heap(service);
#ifndef NO_SECOND_LOOK
	claim();
	if
	:: w != NOBODY -> hand(KICK)
	:: else
	fi
#endif
}

#ifdef OWED
/* How the one that owes a wake-up goes on: see owed.pml. */
mtype = { computes, ends, answers, stopped };
mtype life;
bool lost; /* to the service 1, which is endless too */
bool rung; /* the monitor */

inline stay(service)
{
#ifdef RING_BEFORE_PUSH
	rung = true;
#endif
	made_ready[service]++;
	into_heap(service);
#if !defined(RING_BEFORE_PUSH) && !defined(OWED_NOT_RUNG)
	rung = true
#endif
}

/* It comes back for as long as somebody waits beside an idle worker. (Where nobody is idle the worker that will be looks
 * for itself.) It sleeps where the one that owes must pay by itself. */
proctype monitor()
{
	byte w, i;
end_monitor:
	do
	:: rung && life == computes ->
		rung = false;
		do
		:: waiting > 0 && count > 0 ->
			claim();
			if
			:: w != NOBODY -> hand(KICK)
			:: else
			fi
		:: waiting == 0 || count == 0 -> break
		od
	od
}

/* Its turn is over. The same wake-up goes on. */
inline requeue()
{
	atomic {
		!locked -> locked = true;
		ran[s]--;
		first = waiting == 0
	}
	heap[s] = true;
	atomic { waiting++; locked = false }
	s = NOBODY;
#ifndef REQUEUED_SILENTLY
	if
	:: first
	:: else ->
		claim();
		if
		:: w != NOBODY -> hand(KICK); w = NOBODY
		:: else
		fi
	fi;
#endif
	first = false
}

/* Between its messages: an idle worker, or its own turn. Then its next message may be an endless one. */
inline pay()
{
	do
	:: waiting == 0 -> break
	:: else ->
#ifdef NOT_PAID
		break;
#endif
		claim();
		if
		:: w != NOBODY ->
			hand(KICK);
			w = NOBODY
#ifdef PAID_ONCE
			; break
#endif
		:: else ->
#ifndef NOT_GIVEN_UP
			requeue();
#endif
			break
		fi
	od
}

/* s: NOBODY, when the worker is to search again; else it never will. */
inline run_owing()
{
	if
	:: made_ready[FOLLOWER] == 0 ->
		if
		:: atomic { !lost -> life = computes }
		:: atomic { !lost -> life = stopped }
		:: life = answers
		:: life = ends
		fi;
		stay(FOLLOWER);
		if
		:: life == computes
		:: life == stopped -> requeue()
		:: life == answers -> pay()
		:: life == ends -> s = NOBODY
		fi
	:: made_ready[FOLLOWER] > 0 && life == answers -> pay()
	:: made_ready[FOLLOWER] > 0 && life == stopped
	fi
}

#endif

proctype worker(byte me)
{
	byte s = NOBODY, seen;
	bool taken;
#ifdef OWED
	byte w = NOBODY, i;
	bool first;
#endif
	do
	:: search();
		sleep_until_handed();
		atomic {
			ran[s]++;
			assert(ran[s] <= made_ready[s])
		}
		if
#ifdef OWED
		:: s == ENDLESS ->
			run_owing();
			if
			:: s != NOBODY -> break
			:: else
			fi
		:: atomic { s == 1 && life != computes && life != stopped -> lost = true }; break
#else
		:: s == ENDLESS -> break
#endif
		:: s != ENDLESS -> s = NOBODY
		fi
	od
}

proctype waker(byte from; byte to)
{
	byte w, i, service = from;
	do
	:: service <= to ->
		made_ready[service]++;
		claim();
		if
		:: w != NOBODY -> hand(service)
		:: else -> push(service)
		fi;
		service++
	:: else -> break
	od
}

/* When nothing can move any more. */
proctype judge()
{
	byte s = 0;
	timeout ->
	d_step {
		assert(!ANY && waiting == 0);
		assert(handed[0] == NOBODY && handed[1] == NOBODY);
		do
		:: s < SERVICES ->
			assert(ran[s] == made_ready[s]);
			s++
		:: else -> break
		od
	}
}

init {
	atomic {
		run worker(0);
		run worker(1);
		run waker(0, 1);
#ifdef OWED
		run monitor();
#else
		run waker(2, 2);
#endif
		run judge()
	}
}
