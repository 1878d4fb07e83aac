/* SPDX-License-Identifier: MIT */
#include "sched/worker.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/text.h"
#include "sched/accounts.h"
#include "sched/hold.h"
#include "sched/sched.h"

#include <sched.h>
#include <string.h>

/* When the monitor follows up a request that a worker makes to itself: most messages end soon after what they send, and then the
 * flag is seen without a signal. */
static const int64_t OWN_GRACE_NS = 50 * NS_PER_US;
/* A kill may use this much CPU of the service before its VM is abandoned; less when the process ends. */
static const int64_t KILL_LIMIT_NS = NS_PER_S, KILL_LIMIT_ENDING_NS = 50 * NS_PER_MS;

static void run_service(struct service *s, int64_t now_ns);
static void resume_service(struct service *s, int64_t now_ns);
static struct service *pick(struct thread *t, int64_t *now_ns);

void worker_loop(void)
{
	for (;;) {
		/* 1. finish what the switch to this stack left over: queue who was parked */
		thread_settle();
		/* 2. take the next service, sleep until there is one */
		int64_t now;
		struct service *s = pick(thread_self(), &now);
		/* 3. none: the process ends, or the slot moved to another thread */
		if (s == NULL)
			thread_go_home();
		/* 4. one that was parked goes on where it was: this stack is done with */
		if (load_relaxed(&s->status) == SERVICE_PARKED)
			resume_service(s, now);
		/* 5. one that was stopped in C code goes on on the thread that it was stopped on */
		else if (load_relaxed(&s->status) == SERVICE_HELD)
			hold_give_turn(s);
		/* 6. else its messages are handled on this stack; from here on the thread may change */
		else
			run_service(s, now);
	}
}

/* ---- taking a service ---- */

/* Spins for a moment: what wakes services comes in bursts, and being woken by the kernel costs both sides more than
 * that. Only some spin at a time, or idle workers would look like load and take cores from busy ones. */
static bool search(struct worker *w, uint32_t seen)
{
	bool found = false;
	if (sched.options.search_ns <= 0)
		return false;
	if (add_relaxed(&sched.searching, 1) < sched.searchers_max) {
		int64_t limit = clock_mono_ns() + sched.options.search_ns;
		do {
			for (int i = 0; i < 32 && !found; i++) {
				__builtin_ia32_pause();
				found = load_acquire(&w->wake) != seen;
			}
		} while (!found && clock_mono_ns() < limit);
	}
	sub_relaxed(&sched.searching, 1);
	return found;
}

static void wait_for_wake(struct worker *w, uint32_t seen)
{
	if (search(w, seen))
		return;
	accounts_idle(w, clock_mono_ns()); /* searching was overhead */
	/* Seq: either we see that `wake` has changed (the kernel compares it), or wake_up sees us asleep. */
	store_seq(&w->sleeping, true);
	futex_wait(&w->wake, seen, -1);
	store_relaxed(&w->sleeping, false);
}

static void wake_up(struct worker *w)
{
	atomic_fetch_add(&w->wake, 1); /* seq; and pairs with the acquire in pick */
	if (load_seq(&w->sleeping))
		futex_wake(&w->wake);
}

/* The worker is enlisted as idle: sleeps until it is handed a service. NULL: the process ends. */
static struct runq_entry *wait_for_work(struct worker *w, int64_t *now_ns)
{
	for (;;) {
		uint32_t seen = load_acquire(&w->wake);
		*now_ns = clock_mono_ns();
		struct runq_entry *e = runq_handed(&sched.queue, w->id, *now_ns);
		if (e) {
			accounts_woken(w, *now_ns);
			return e;
		}
		if (load_acquire(&sched.stopping) && runq_not_idle(&sched.queue, w->id))
			return NULL;
		wait_for_wake(w, seen);
	}
}

/* The next service and the time, which is when its run begins. */
static struct service *pick(struct thread *t, int64_t *now_ns)
{
	struct worker *w = t->slot;
	if (w == NULL)
		return NULL;
	*now_ns = clock_mono_ns();
	bool stopping = load_acquire(&sched.stopping);
	struct runq_entry *e = stopping ? NULL : runq_next(&sched.queue, w->id, *now_ns);
	if (e == NULL && !stopping)
		e = wait_for_work(w, now_ns);
	if (e == NULL)
		accounts_idle(w, *now_ns);
	return service_of(e);
}

void worker_enter_body(struct thread *t, struct service *s, int64_t now_ns)
{
	const struct running *mine = &sched.queue.worker[t->slot->id].run;
	uint64_t epoch = running_epoch(mine);
	service_set_status(s, SERVICE_RUNNING);
	t->run_since_ns = now_ns;
	t->slice_ns = running_turn_ns(mine);
	t->owes = false;
	accounts_enter(t->slot, s, now_ns);
	if (load_relaxed(&s->message_number))
		store_relaxed(&s->message_mark_ns, now_ns);
	store_relaxed(&t->cur, s);
	/* Release: the monitor that sees BODY sees whose. Seq, with the seq load in sched_ring: either we see that
	 * the monitor means to sleep, or it sees BODY before it does. */
	store_seq(&t->run, run_word(epoch, RUN_BODY));
	/* Those who waited before this dispatch have rung for somebody else's slice. Seq, after the run is published: who waits
	 * first from now on sees it (runq_first_due_ns). */
	bool waited_for = load_seq(&sched.queue.waiting) > 0;
	sched_ring(now_ns + (waited_for ? running_unseen_ns(mine) : 100 * NS_PER_MS));
}

/* ---- leaving it ---- */

int64_t worker_account(struct thread *t, struct service *s, bool detached)
{
	int64_t now = clock_mono_ns(), taken = 0;
	int64_t used = detached ? accounts_leave_detached(t, s)
				: accounts_leave(t->slot, s, now, &taken);
	int64_t mark = load_relaxed(&s->message_mark_ns);
	if (mark) {
		/* The message may have begun after the run did. */
		store_relaxed(&s->message_cpu_ns,
			      load_relaxed(&s->message_cpu_ns) + ns_min(used, now - mark));
		store_relaxed(&s->message_mark_ns, 0);
	}
	if (detached)
		runq_charge(&sched.queue, &s->entry, now, used);
	else
		runq_stopped(&sched.queue, &s->entry, now, taken);
	return now - t->run_since_ns - taken;
}

void worker_act(const struct runq_action *action, int64_t now_ns)
{
	if (action->kind == RUNQ_HANDED) {
		store_relaxed(&sched.worker[action->worker].woken_ns, now_ns);
		wake_up(&sched.worker[action->worker]);
	} else if (action->kind == RUNQ_PREEMPT) {
		worker_ask(&sched.worker[action->worker], action->epoch);
		bool is_own = load_relaxed(&sched.worker[action->worker].thread) == thread_self();
		sched_ring(is_own ? now_ns + OWN_GRACE_NS : now_ns);
	} else {
		sched_ring(action->look_at_ns);
	}
}

void worker_put(struct service *s, enum runq_how how)
{
	int64_t now = clock_mono_ns();
	struct runq_action action = runq_put(&sched.queue, &s->entry, how, now);
	worker_act(&action, now);
}

void worker_settle_parked(struct thread *t, struct service *s, bool detached)
{
	add_relaxed(&s->parks[s->tier], 1);
	s->parked_on = t->index;
	/* Back at once: it was not stuck, only met in C too often. */
	if (detached && accounts_detached_ns(t) < NS_PER_MS)
		store_relaxed(&s->handed_off, false);
	habit_note(&s->entry.habit, false, worker_account(t, s, detached));
	service_set_status(s, SERVICE_PARKED);
	worker_put(s, detached ? RUNQ_RETURN : RUNQ_REQUEUE);
}

/* The body returned. true: the thread still has its slot. */
static bool leave_body(struct thread *t)
{
	for (;;) {
		uint64_t word = load_acquire(&t->run);
		if (run_state_of(word) == RUN_TAKING) {
			sched_yield(); /* the monitor is a few instructions from DETACHED */
			continue;
		}
		bool kept = run_state_of(word) == RUN_BODY;
		/* Before any lock is taken at low priority. */
		if (!kept)
			thread_restore_priority(t);
		/* Acquires the monitor's DETACHED; releases what we did to whoever has the slot next. */
		if (cas_strong_acq_rel(&t->run, &word, run_word(run_epoch_of(word), RUN_LOOP)))
			return kept;
	}
}

static void bury(struct service *s)
{
	struct evidence *e = exchange_acq_rel(&s->evidence, NULL);
	if (e)
		store_release(&e->state, EVIDENCE_READY);
	if (s->grave)
		stack_put(s->grave);
	s->grave = NULL;
	accounts_bury(s);
	service_set_status(s, SERVICE_DEAD);
	store_release(&s->ended_ns, clock_mono_ns()); /* pairs with the acquire in watchdog/endless.c */
	service_release(s); /* the table's reference, which sched_doom left to us */
}

/* Back from the body with the mailbox empty, the turn over, or the service at its end. */
static void finish_run(struct service *s)
{
	struct thread *t = thread_self();
	bool kept = leave_body(t);
	store_relaxed(&t->cur, NULL);
	int64_t took_ns = worker_account(t, s, !kept);
	habit_note(&s->entry.habit, kept && took_ns < t->slice_ns, took_ns);
	if (load_relaxed(&s->closing)) {
		bury(s);
	} else {
		service_set_status(s, SERVICE_IDLE);
		if (!mailbox_rest(&s->mailbox)) {
			/* There are messages, or a killer was here: still ours. After a true it is not. */
			service_set_status(s, SERVICE_READY);
			worker_put(s, kept ? RUNQ_REQUEUE : RUNQ_RETURN);
		}
	}
	if (!kept)
		thread_go_home();
}

/* ---- handling messages ---- */

/* The monitor cannot look into the message itself, which its handler may free at any time. */
static void keep_head(struct service *s, const struct message *m)
{
	uint64_t word[MESSAGE_HEAD_WORDS] = {0};
	size_t bytes = m->type == MESSAGE_LUA ? m->size_bytes : 0;
	store_relaxed(&s->message_bytes, bytes);
	if (bytes == 0)
		return;
	memcpy(word, m->data, bytes < sizeof(word) ? bytes : sizeof(word));
	for (int i = 0; i < MESSAGE_HEAD_WORDS; i++)
		store_relaxed(&s->message_head[i], word[i]);
}

/* A monitor that hands the slot off in this moment writes some of the same words: then the figures of this
 * message begin with what the last one used since it was looked at. Not worth a lock. */
static void begin_message(struct service *s, const struct message *m, int64_t now_ns)
{
	int64_t now = now_ns ? now_ns : clock_mono_ns();
	store_relaxed(&s->message_source, m->source);
	store_relaxed(&s->message_session, m->session);
	store_relaxed(&s->message_type, m->type);
	keep_head(s, m);
	store_relaxed(&s->message_since_ns, now);
	store_relaxed(&s->message_cpu_ns, 0);
	store_relaxed(&s->message_mark_ns, now);
	store_relaxed(&s->handed_off, false);
	store_relaxed(&s->aside, false);
	uint64_t number = load_relaxed(&s->messages) + 1;
	store_relaxed(&s->messages, number);
	store_release(&s->message_number, number); /* pairs with the acquire in the monitor */
}

static void end_message(struct service *s)
{
	store_relaxed(&s->message_mark_ns, 0);
	store_release(&s->message_number, 0);
}

/* skynet's text, once per doubling, until the mailbox has run empty. */
static void note_overload(struct service *s)
{
	uint32_t length = mailbox_length(&s->mailbox);
	if (LIKELY(length < s->overload_at))
		return;
	while (s->overload_at <= length)
		s->overload_at *= 2;
	log_printf(service_handle(s), "error: May overload, message queue length = %u", length);
}

/* Between two messages: must the worker go to somebody else? If not, *now_ns is the time, 0: it was not read. */
static bool turn_is_over(struct service *s, int64_t *now_ns)
{
	struct thread *t = thread_self();
	uint64_t word = load_acquire(&t->run);
	if (run_state_of(word) != RUN_BODY || load_relaxed(&t->wanted) == run_epoch_of(word))
		return true;
	if (load_acquire(&s->doomed))
		return true;
	*now_ns = 0;
	if (mailbox_has_run_empty(&s->mailbox))
		return false; /* as pop will say, unless a message comes in this moment */
	*now_ns = clock_mono_ns();
	int64_t ran_ns = *now_ns - t->run_since_ns;
	if (load_relaxed(&sched.queue.waiting) == 0)
		return false;
	if (ran_ns >= t->slice_ns)
		return true;
	return t->owes && ran_ns >= HABIT_SHORT_NS && !sched_pay_owed(*now_ns);
}

static void run_messages(struct service *s, int64_t now_ns)
{
	struct message *m;
	while ((m = mailbox_pop(&s->mailbox)) != NULL) {
		if (UNLIKELY(s->mailbox.bound != NULL))
			sched_tell_admitted(s);
		note_overload(s);
		if (message_is_request(m) && !requests_open(&s->open, m->source, m->session)) {
			/* Killed in this moment; the others were answered by the killer. */
			sched_answer_why(service_handle(s), m->source, m->session, SCHED_WHY_ENDED);
			message_free(m);
			return;
		}
		begin_message(s, m, now_ns);
		s->body->deliver(s, m); /* HANDOVER: the message is the body's */
		end_message(s);
		if (turn_is_over(s, &now_ns))
			return;
	}
	/* Of a shut one nothing was given, but it has not run empty. */
	if (s->mailbox.bound == NULL || !s->mailbox.bound->shut)
		s->overload_at = 1024;
}

static void run_service(struct service *s, int64_t now_ns)
{
	worker_enter_body(thread_self(), s, now_ns);
	if (load_acquire(&s->doomed)) {
		store_relaxed(&s->closing, true);
		store_relaxed(&s->aside, false);
		s->body->close(s);
	} else {
		run_messages(s, now_ns);
	}
	finish_run(s);
}

/* ---- going on with a parked one ---- */

static void resume_here(struct service *s, int64_t now_ns)
{
	struct thread *t = thread_self();
	struct stack *mine = t->stack;
	if (s->parked_on != t->index)
		add_relaxed(&s->moves, 1);
	t->drop = mine;
	t->stack = s->stack;
	s->stack = NULL;
	worker_enter_body(t, s, now_ns);
	stack_leave(mine, t->stack);
}

/* It was killed while it was parked in the middle of a message. */
static void end_parked(struct service *s, int64_t now_ns)
{
	int64_t used = load_relaxed(&s->cpu_ns);
	if (s->doom_cpu_ns < 0)
		s->doom_cpu_ns = used;
	int64_t limit = load_relaxed(&sched.ending) ? KILL_LIMIT_ENDING_NS : KILL_LIMIT_NS;
	bool late = used - s->doom_cpu_ns > limit;
	bool closing = load_relaxed(&s->closing) && !late;
	enum parked_fate fate = closing ? FATE_RUN_ON : s->body->fate(s, s->tier, late);
	if (fate == FATE_RUN_ON)
		resume_here(s, now_ns);
	if (fate == FATE_CLOSE_HERE) {
		s->grave = s->stack;
		s->stack = NULL;
		s->mark = 0; /* it names a place on the grave */
		worker_enter_body(thread_self(), s, now_ns);
		store_relaxed(&s->closing, true);
		store_relaxed(&s->aside, false);
		s->body->close(s);
		finish_run(s);
		return;
	}
	if (s->grave)
		stack_put(s->grave); /* of the message; this one is of its close */
	s->grave = s->stack;
	s->stack = NULL;
	s->body->abandon(s);
	runq_stopped(&sched.queue, &s->entry, clock_mono_ns(), 0);
	bury(s);
}

static void resume_service(struct service *s, int64_t now_ns)
{
	if (load_acquire(&s->doomed))
		end_parked(s, now_ns);
	else
		resume_here(s, now_ns);
}

/* ---- the end of one that has used up its C stack ---- */

void worker_end_overflown(struct thread *t, struct service *s, bool detached)
{
	thread_restore_priority(t);
	log_printf(service_handle(s),
		   "error: C stack overflow: the service %s has used up its C stack (`stack`) in "
		   "message %llu from [ :%08x ] type %d session %d (endless recursion through "
		   "callbacks of C functions or through coroutines?) and is ended",
		   s->name, (unsigned long long)load_relaxed(&s->message_number),
		   load_relaxed(&s->message_source), load_relaxed(&s->message_type),
		   load_relaxed(&s->message_session));
	worker_account(t, s, detached);
	sched_doom(s); /* if nobody has done it before */
	if (s->grave)
		stack_put(s->grave); /* of a message that was cut off; this one is of its close */
	s->grave = s->stack;
	s->stack = NULL;
	if (s->body->fate(s, TIER_VM, true) == FATE_ABANDON)
		s->body->abandon(s);
	else
		log_printf(service_handle(s), "its memory (%zu bytes) could not be given back",
			   load_relaxed(&s->memory_bytes));
	bury(s);
}

/* ---- asked to stop ---- */

void worker_ask(struct worker *w, uint64_t epoch)
{
	struct thread *t = load_relaxed(&w->thread);
	if (exchange_seq(&t->wanted, epoch) == epoch)
		return;
	/* Our own thread is in C code now: it sees the flag between messages, or the monitor signals. */
	if (t == thread_self() || load_acquire(&t->run) != run_word(epoch, RUN_BODY))
		return;
	if (!thread_is_asleep(t))
		thread_signal(t);
}
