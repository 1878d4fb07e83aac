/* SPDX-License-Identifier: MIT */
#include "sched/sched.h"
#include "core/clock.h"
#include "core/loop.h"
#include "core/mem.h"
#include "core/name.h"
#include "sched/accounts.h"
#include "sched/groups.h"
#include "sched/park.h"

#include <sched.h>
#include <string.h>

struct sched sched;

enum { SPARES_READY = 2 };
static const int64_t SPARE_IDLE_NS = 10 * NS_PER_S;
/* Whoever has run for longer than this is not believed to be through in a moment; while it starts, than that. */
static const int64_t SOON_NS = 20 * NS_PER_US, STARTED_NS = 200 * NS_PER_US;
/* Its first message runs the start function, which may end with the answer to a call in it. */
enum { START_MESSAGES = 2 };

static void spawn_spares(void *unused)
{
	(void)unused;
	thread_top_up();
}

/* Half of the workers, and half of the CPUs that we may use: one that spins must not keep anybody from running. */
static int searchers_max(int workers)
{
	cpu_set_t usable;
	int cpus = sched_getaffinity(0, sizeof(usable), &usable) == 0 ? CPU_COUNT(&usable) : 1;
	return (cpus < workers ? cpus : workers) / 2;
}

void sched_init(const struct sched_options *options)
{
	memset(&sched, 0, sizeof(sched));
	sched.options = *options;
	sched.searchers_max = searchers_max(options->workers);
	stack_init(options->stack_bytes);
	runq_init(&sched.queue, options->workers, options->shards, options->min_run_ns);
	pthread_mutex_init(&sched.change_lock, NULL);
	thread_init(options->workers + options->spares_max, SPARES_READY,
		    options->spare_idle_ns ? options->spare_idle_ns : SPARE_IDLE_NS);
	sched.worker = mem_zalloc((size_t)options->workers * sizeof(sched.worker[0]));
	for (int i = 0; i < options->workers; i++)
		sched.worker[i].id = i;
	sched.spawner = loop_async_new(spawn_spares, NULL);
	alarm_init(&sched.alarm);
	park_init();
}

void sched_start(void)
{
	accounts_open();
	for (int i = 0; i < sched.options.workers; i++)
		thread_start(&sched.worker[i]);
	thread_top_up();
}

bool sched_stop(int64_t timeout_ns)
{
	store_release(&sched.stopping, true);
	for (int i = 0; i < sched.options.workers; i++) {
		add_acq_rel(&sched.worker[i].wake, 1);
		futex_wake(&sched.worker[i].wake);
	}
	return thread_stop_all(timeout_ns);
}

/* Will the service that wakes `s` be through in a moment? Its earlier runs were no long ones, and this one has only begun; or it
 * asks `s` and waits, so it ends here. Of a start nobody knows that yet, but it goes by the same steps in every service:
 * whoever starts `s` waits for it, and `s` ends its first messages by telling of it. */
static bool is_soon_through(const struct thread *t, const struct service *runs,
			    const struct service *s, bool asks, int64_t now_ns)
{
	int64_t ran_ns = now_ns - t->run_since_ns;
	if (load_relaxed(&s->messages) == 0)
		return true;
	if (load_relaxed(&runs->messages) <= START_MESSAGES)
		return ran_ns < STARTED_NS;
	return asks || (habit_is_trusted(&runs->entry.habit) && ran_ns < SOON_NS);
}

void sched_ready(struct service *s, bool asks)
{
	struct thread *t = thread_self();
	struct service *runs = t ? load_relaxed(&t->cur) : NULL;
	service_set_status(s, SERVICE_READY);
	/* One that has lost its slot wakes like anybody. (It may lose it just now: then the monitor sees what is owed.) */
	if (runs == NULL || run_state_of(load_relaxed(&t->run)) != RUN_BODY) {
		worker_put(s, RUNQ_WAKE);
		return;
	}
	int64_t now = clock_mono_ns();
	bool soon = is_soon_through(t, runs, s, asks, now);
	struct runq_action action = runq_follow(&sched.queue, &s->entry, t->slot->id, soon, now);
	if (soon && action.kind == RUNQ_QUEUED)
		t->owes = true;
	worker_act(&action, now);
}

bool sched_pay_owed(int64_t now_ns)
{
	int idle = runq_kick(&sched.queue);
	if (idle < 0)
		return false;
	worker_act(&(struct runq_action){.kind = RUNQ_HANDED, .worker = idle}, now_ns);
	return true;
}

/* Nobody will handle it: whoever waits for an answer is told. */
static void refuse(uint32_t from, struct message *m, const char *reason)
{
	if (message_is_request(m))
		sched_answer_why(from, m->source, m->session, reason);
	message_free(m);
}

static enum sched_sent sent_as_full(const struct service *s, struct message *m)
{
	enum bound_policy policy = s->mailbox.bound->policy;
	if (policy == BOUND_BLOCK)
		return SENT_MUST_WAIT;
	message_free(m);
	return policy == BOUND_REJECT ? SENT_REJECTED : SENT_DROPPED;
}

/* What follows from a push; `s` may be NULL when it was refused. */
static enum sched_sent settle_push(struct service *s, struct message *m, enum mailbox_pushed pushed,
				   bool asks)
{
	switch (pushed) {
	case MAILBOX_WOKE:
		sched_ready(s, asks);
		return SENT_IN;
	case MAILBOX_QUEUED:
		return SENT_IN;
	case MAILBOX_WAITS:
		return SENT_WAITS;
	case MAILBOX_FULL:
		return sent_as_full(s, m);
	case MAILBOX_REFUSED:
		break;
	}
	add_relaxed(&sched.messages_dead, 1);
	message_free(m);
	return SENT_TO_NOBODY;
}

enum sched_sent sched_offer(uint32_t dest, struct message *m)
{
	struct service *s = service_grab(dest);
	struct message *dropped = NULL;
	bool asks = message_is_request(m); /* the message is the receiver's after the push */
	enum mailbox_pushed pushed = s ? mailbox_offer(&s->mailbox, m, &dropped) : MAILBOX_REFUSED;
	enum sched_sent sent = settle_push(s, m, pushed, asks);
	if (s)
		service_release(s);
	if (dropped == NULL)
		return sent;
	refuse(dest, dropped, SCHED_WHY_FULL);
	return sent == SENT_IN ? SENT_FOR_OLD : sent;
}

enum sched_sent sched_send_waiting(uint32_t dest, struct message *m, uint32_t owner, int32_t ticket,
				   bool tell)
{
	struct service *s = service_grab(dest);
	enum mailbox_pushed pushed =
		s ? mailbox_wait(&s->mailbox, m, owner, ticket, tell) : MAILBOX_REFUSED;
	enum sched_sent sent = settle_push(s, m, pushed, false);
	if (s)
		service_release(s);
	return sent;
}

bool sched_withdraw(uint32_t dest, uint32_t owner, int32_t ticket)
{
	struct service *s = service_grab(dest);
	struct message *m = s ? mailbox_withdraw(&s->mailbox, owner, ticket) : NULL;
	if (s)
		service_release(s);
	if (m)
		message_free(m);
	return m != NULL;
}

void sched_tell_admitted(struct service *s)
{
	struct bound_waiter *list = mailbox_admitted(&s->mailbox);
	while (list) {
		struct bound_waiter *w = list;
		list = w->next;
		if (w->tell)
			sched_post(service_handle(s), w->owner, MESSAGE_RESPONSE, w->ticket, NULL,
				   0);
		mem_free(w);
	}
}

bool sched_send(uint32_t dest, struct message *m)
{
	enum sched_sent sent = sched_offer(dest, m);
	if (sent == SENT_MUST_WAIT)
		message_free(m);
	return sent == SENT_IN || sent == SENT_FOR_OLD;
}

bool sched_post(uint32_t source, uint32_t dest, int type, int32_t session, void *data,
		size_t size_bytes)
{
	return sched_send(dest, message_new(source, type, session, data, size_bytes));
}

void sched_answer_error(uint32_t from, uint32_t source, int32_t session)
{
	if (!load_relaxed(&sched.ending))
		sched_post(from, source, MESSAGE_ERROR, session, NULL, 0);
}

void sched_answer_why(uint32_t from, uint32_t source, int32_t session, const char *reason)
{
	size_t bytes = strlen(reason);
	if (!load_relaxed(&sched.ending))
		sched_post(from, source, MESSAGE_ERROR, session,
			   memcpy(mem_alloc(bytes), reason, bytes), bytes);
}

static void refuse_messages(uint32_t from, struct message *list)
{
	while (list) {
		struct message *m = list;
		list = m->next;
		refuse(from, m, SCHED_WHY_ENDED);
	}
}

/* Those that waited for a place in a mailbox that was closed. */
static void refuse_waiters(uint32_t from, struct bound_waiter *list)
{
	while (list) {
		struct bound_waiter *w = list;
		list = w->next;
		if (w->tell)
			sched_answer_why(from, w->owner, w->ticket, SCHED_WHY_ENDED);
		refuse(from, w->message, SCHED_WHY_ENDED);
		mem_free(w);
	}
}

bool sched_doom(struct service *s)
{
	uint32_t handle = service_handle(s);
	/* Exactly one caller gets the table's reference; bury() gives it back. */
	if (!handle_retire(handle))
		return false;
	name_drop(handle);
	store_relaxed(&s->doomed_ns, clock_mono_ns());
	store_seq(&s->doomed, true);
	bool was_idle = false;
	refuse_messages(handle, mailbox_close(&s->mailbox, &was_idle));
	refuse_waiters(handle, mailbox_take_waiters(&s->mailbox));
	uint32_t count = 0;
	struct request *open = requests_drain(&s->open, &count);
	for (uint32_t i = 0; i < count; i++)
		sched_answer_why(handle, open[i].source, open[i].session, SCHED_WHY_ENDED);
	mem_free(open);
	/* An idle service has nobody who would notice. All others meet `doomed` at their next step; one that
	 * runs long is stopped at the end of its slice. */
	if (was_idle)
		sched_ready(s, false);
	else
		sched_ring(clock_mono_ns());
	return true;
}

bool sched_interrupt(struct service *s, uint32_t by)
{
	uint64_t number = load_acquire(&s->message_number);
	if (number == 0)
		return false;
	store_relaxed(&s->asked_by, by);
	store_release(&s->asked_number, number); /* pairs with the acquire in the monitor */
	return true;
}

void sched_join_group(struct service *s, const struct settings *settings)
{
	runq_join(&sched.queue, &s->entry, groups_named(&sched.queue, s->name, settings));
}

void sched_set_min_run(int64_t min_run_ns)
{
	store_relaxed(&sched.queue.min_run_ns, min_run_ns);
}

void sched_ring(int64_t by_ns)
{
	alarm_by(&sched.alarm, by_ns);
}

struct service **sched_services(size_t *count)
{
	size_t room = handle_count() + 64, n = 0;
	uint32_t *handle = mem_alloc(room * sizeof(*handle));
	size_t exist = handle_list(handle, room);
	struct service **list = mem_alloc(room * sizeof(*list));
	for (size_t i = 0; i < exist && i < room; i++) {
		struct service *s = service_grab(handle[i]);
		if (s)
			list[n++] = s;
	}
	mem_free(handle);
	*count = n;
	return list;
}
