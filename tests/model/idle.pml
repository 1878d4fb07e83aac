/* SPDX-License-Identifier: MIT
 *
 * How a worker without work goes to sleep and is found again (sched/runq.c, pick() in sched/worker.c). A
 * worker that finds the heap empty enlists itself as idle in the same critical section, then sleeps on
 * its own futex word until it sees a service handed to it. Whoever makes a service ready hands it to an
 * idle worker, or puts it into the heap when there is none, again in one critical section; after that it
 * changes the worker's word, and only then wakes. A worker that requeues what it ran wakes nobody, since it
 * looks into the heap next.
 *
 * Searched: three workers, two wakers with three services, of which one never ends once it runs and one
 * is requeued once, and a sleep that ends early for no reason.
 *
 * Claimed: no wake-up is lost, that is, when nothing moves any more no service waits although a worker
 * sleeps, in spite of the worker that is lost to the endless service; each service is run once for each
 * time it was made ready, by one worker; a worker is handed one service at a time.
 */
/* verify: safety */
/* broken: CHECK_OUTSIDE_LOCK FIND_OUTSIDE_LOCK WAKE_BEFORE_WORD SLEEP_WITHOUT_READING READ_WORD_LATE */

#define WORKERS	 3
#define SERVICES 3
#define ENDLESS	 0 /* never gives its worker back */
#define TWICE	 1 /* is requeued once */
#define NOBODY	 9

bool locked = false;
bool heap[SERVICES];
bool idle[WORKERS];
byte handed[WORKERS] = NOBODY;

byte word[WORKERS];   /* changes when something was handed */
bool asleep[WORKERS]; /* in the kernel */
byte early_returns = 1;

byte made_ready[SERVICES], ran[SERVICES];

#define HEAP_EMPTY (!heap[0] && !heap[1] && !heap[2])

inline lock_take()
{
	atomic { !locked -> locked = true }
}

inline lock_release()
{
	locked = false
}

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
	if
	:: !asleep[w]
	:: atomic { asleep[w] && early_returns > 0 -> early_returns--; asleep[w] = false }
	fi
}

inline futex_wake(w)
{
	asleep[w] = false
}

/* s: the service to run, or NOBODY when the worker is enlisted as idle now. Which of several it is depends
 * on their deadlines; here it is free. */
inline take_or_enlist()
{
#ifdef CHECK_OUTSIDE_LOCK
	if
	:: HEAP_EMPTY -> lock_take()
	:: else ->
		lock_take();
		if
		:: heap[0] -> s = 0; heap[0] = false
		:: heap[1] -> s = 1; heap[1] = false
		:: heap[2] -> s = 2; heap[2] = false
		:: else
		fi
	fi;
#else
	lock_take();
	if
	:: heap[0] -> s = 0; heap[0] = false
	:: heap[1] -> s = 1; heap[1] = false
	:: heap[2] -> s = 2; heap[2] = false
	:: else
	fi;
#endif
	if
	:: s == NOBODY -> assert(!idle[me] && handed[me] == NOBODY); idle[me] = true
	:: else
	fi;
	lock_release()
}

inline take_handed()
{
	lock_take();
	s = handed[me];
	handed[me] = NOBODY;
	lock_release()
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
		:: s == NOBODY -> futex_wait(me, seen)
		:: else
		fi
	od;
	seen = 0
}

inline requeue(service)
{
	lock_take();
	heap[service] = true;
	made_ready[service]++;
	lock_release()
}

proctype worker(byte me)
{
	byte s = NOBODY, seen;
	do
	:: take_or_enlist();
		sleep_until_handed();
		atomic {
			ran[s]++;
			assert(ran[s] <= made_ready[s])
		}
		if
		:: s == ENDLESS -> break
		:: s == TWICE && ran[s] == 1 -> s = NOBODY; requeue(TWICE)
		:: else -> s = NOBODY
		fi
	od
}

inline find_idle()
{
	if
	:: idle[0] -> w = 0
	:: idle[1] -> w = 1
	:: idle[2] -> w = 2
	:: else -> w = NOBODY
	fi
}

inline wake_up(service)
{
#ifdef FIND_OUTSIDE_LOCK
	find_idle();
	lock_take();
#else
	lock_take();
	find_idle();
#endif
	made_ready[service]++;
	if
	:: w != NOBODY ->
		assert(handed[w] == NOBODY);
		idle[w] = false;
		handed[w] = service
	:: else -> heap[service] = true
	fi;
	lock_release();
	if
	:: w != NOBODY ->
#ifdef WAKE_BEFORE_WORD
		futex_wake(w);
		word[w]++
#else
		word[w]++;
		futex_wake(w)
#endif
	:: else
	fi
}

proctype waker(byte from; byte to)
{
	byte w, service = from;
	do
	:: service <= to -> wake_up(service); service++
	:: else -> break
	od
}

/* When nothing can move any more. */
proctype judge()
{
	byte s = 0;
	timeout ->
	d_step {
		assert(HEAP_EMPTY && !locked);
		do
		:: s < SERVICES ->
			assert(ran[s] == made_ready[s]);
			assert(handed[s] == NOBODY); /* as many workers as services */
			s++
		:: else -> break
		od
	}
}

init {
	atomic {
		run worker(0);
		run worker(1);
		run worker(2);
		run waker(0, 1);
		run waker(2, 2);
		run judge()
	}
}
