/* SPDX-License-Identifier: MIT
 *
 * Somebody begins to wait while runs begin and end (queue in sched/runq.c, worker_enter_body in sched/worker.c): the
 * monitor must look at each run that somebody waits for, but nobody rings for a run that has not begun. The one publishes the
 * run and then reads `waiting`; the other raises `waiting` and then reads who runs. A processor keeps a store in its buffer
 * for a while unless told otherwise. What ringing does is in alarm.pml; here it is a bit for each run.
 *
 * Searched: a worker with two runs, a waker that waits, is taken, and waits again.
 *
 * Claimed: when all is quiet, a run that goes on while somebody waits was rung for.
 */
/* verify: safety */
/* broken: READ_BEFORE_PUSH BEGIN_UNFENCED */

byte waiting = 0;
byte runs = 0;     /* as everybody sees it: the number of the run, 0: none */
byte buffer = 255; /* the worker's store */
bool rung[3] = false;

proctype processor()
{
end:	do
	:: atomic { buffer != 255 -> runs = buffer; buffer = 255 }
	od
}

inline publish(what)
{
	buffer == 255;
	buffer = what
}

proctype worker()
{
	byte number = 1;
	do
	:: true ->
		publish(number);
#ifndef BEGIN_UNFENCED
		buffer == 255; /* xchg */
#endif
		if
		:: waiting > 0 -> rung[number] = true
		:: else
		fi;
		if
		:: break /* it goes on for ever */
		:: number < 2 ->
			publish(0);
			buffer == 255; /* the lock of the shard */
			number++;
			if
			:: atomic { waiting > 0 -> waiting-- } /* the next one to run */
			:: true
			fi
		fi
	od
}

proctype waker()
{
	byte seen, times = 2;
	do
	:: times > 0 ->
		times--;
#ifdef READ_BEFORE_PUSH
		seen = runs;
end_first:	atomic { waiting == 0 -> waiting++ }
#else
end_first:	atomic { waiting == 0 -> waiting++ };
		seen = runs;
#endif
		if
		:: seen > 0 -> rung[seen] = true
		:: else
		fi
	:: break
	od
}

proctype judge()
{
	timeout ->
	assert(waiting == 0 || runs == 0 || rung[runs])
}

init {
	atomic {
		run processor();
		run worker();
		run waker();
		run judge()
	}
}
