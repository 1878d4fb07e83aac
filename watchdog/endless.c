/* SPDX-License-Identifier: MIT */
#include "watchdog/endless.h"
#include "core/clock.h"
#include "core/mem.h"
#include "sched/accounts.h"
#include "sched/sched.h"
#include "sched/waiters.h"
#include "watchdog/alert.h"
#include "watchdog/demoted.h"
#include "watchdog/rules.h"
#include "watchdog/steps.h"
#include "watchdog/survey.h"

#include <stdio.h>
#include <string.h>

enum { CASES_MAX = 256 };

/* The alert is written without evidence after this: the service is in C code, asleep, or waits. */
static const int64_t EVIDENCE_PATIENCE_NS = 50 * NS_PER_MS;
/* Between two signals that ask for it. */
static const int64_t EVIDENCE_RETRY_NS = 5 * NS_PER_MS;
/* Looks for one alert, and the time between them: a loop is met at one place, a slow handler at several. */
enum { LOOKS = 3 };
static const int64_t LOOK_NS = 10 * NS_PER_MS;

/* An episode and its evidence. All fields are the monitor's; of the evidence, see sched/evidence.h. */
struct incident {
	struct episode episode;
	/* Type-stable memory, so it may be read at any time; it is still the episode's service while it has
	 * its handle, which a killed one keeps until it is dead. */
	struct service *subject;
	struct evidence evidence;
	struct steps steps; /* what was done about it */
	char raised_at[sizeof(((struct evidence *)0)->place)];
	bool told;   /* one of its alerts at least was written */
	bool asking; /* an alert is due and waits for evidence */
	int64_t asked_ns, signalled_ns;
	/* The first of the looks of this alert; all of them in `alert`. */
	const char *kind;
	char place[sizeof(((struct evidence *)0)->place)];
	char traceback[sizeof(((struct evidence *)0)->traceback)];
	int64_t look_ns; /* when the next one is due */
	char source[sizeof(((struct service *)0)->name)];
	char argument[64];
	struct alert alert; /* as of the moment when it became due */
	char service[sizeof(((struct service *)0)->name)];
};

/* A thread's clocks when its present run was first looked at; [i] belongs to thread_at(i). From then on the
 * CPU clock tells how much of the wall time the host took away. */
struct sight {
	uint64_t word;
	int64_t cpu_ns, wall_ns;
};

static struct {
	struct sight *sight;
	struct incident incident[CASES_MAX];
	int count; /* in use: [0, count) may hold free ones */
	_Atomic uint64_t alerts;
} endless;

void endless_init(int max_threads)
{
	memset(&endless, 0, sizeof(endless));
	endless.sight = mem_zalloc((size_t)max_threads * sizeof(endless.sight[0]));
}

void endless_term(void)
{
	for (int i = 0; i < endless.count; i++)
		steps_end(&endless.incident[i].steps);
	mem_free(endless.sight);
	endless.sight = NULL;
}

uint64_t endless_alerts(void)
{
	return load_relaxed(&endless.alerts);
}

static struct incident *find(uint32_t service, bool make)
{
	struct incident *free = NULL;
	for (int i = 0; i < CASES_MAX; i++) {
		struct incident *in = &endless.incident[i];
		if (i < endless.count && in->episode.service == service)
			return in;
		if (free == NULL && (i >= endless.count || in->episode.service == 0) &&
		    load_acquire(&in->evidence.state) != EVIDENCE_ASKED)
			free = in;
	}
	if (!make || free == NULL)
		return NULL;
	int index = (int)(free - endless.incident);
	if (index >= endless.count)
		endless.count = index + 1;
	return free;
}

static bool is_sound(struct thread *t, uint64_t word)
{
	return load_acquire(&t->run) == word;
}

/* CPU that the thread had since `mark`, a time in its present run. */
static int64_t cpu_since(struct thread *t, uint64_t word, int64_t mark, int64_t now)
{
	struct sight *sight = &endless.sight[t->index];
	int64_t cpu = clock_cpu_ns(load_relaxed(&t->cpu_clock));
	if (sight->word != word)
		*sight = (struct sight){word, cpu, now};
	if (mark >= sight->wall_ns)
		return now - mark;
	return sight->wall_ns - mark + cpu - sight->cpu_ns;
}

/* CPU of the present message of the service on `t`: what was booked, and what runs now. */
static int64_t message_cpu(struct thread *t, struct service *s, uint64_t word, int64_t now)
{
	int64_t booked = load_relaxed(&s->message_cpu_ns);
	if (run_state_of(word) == RUN_DETACHED)
		return booked + accounts_detached_ns(t);
	int64_t mark = load_relaxed(&s->message_mark_ns);
	return mark ? booked + cpu_since(t, word, mark, now) : booked;
}

static void name_source(struct incident *in, uint32_t from)
{
	struct service *s = from ? service_grab(from) : NULL;
	in->source[0] = '\0';
	if (s == NULL)
		return;
	memcpy(in->source, s->name, sizeof(in->source));
	service_release(s);
}

static void read_argument(struct incident *in, const struct service *s)
{
	uint64_t head[MESSAGE_HEAD_WORDS];
	size_t bytes = load_relaxed(&s->message_bytes);
	in->argument[0] = '\0';
	if (bytes == 0 || s->body->first_argument == NULL)
		return;
	for (int i = 0; i < MESSAGE_HEAD_WORDS; i++)
		head[i] = load_relaxed(&s->message_head[i]);
	s->body->first_argument(head, bytes < sizeof(head) ? bytes : sizeof(head), in->argument,
				sizeof(in->argument));
}

static void fill_alert(struct incident *in, const struct service *s, const struct sample *sample,
		       int64_t now)
{
	name_source(in, load_relaxed(&s->message_source));
	read_argument(in, s);
	in->kind = NULL;
	in->alert = (struct alert){
		.source = in->source,
		.argument = in->argument,
		.from = load_relaxed(&s->message_source),
		.to = sample->service,
		.version = sample->message_number,
		.service = in->service,
		.type = load_relaxed(&s->message_type),
		.session = load_relaxed(&s->message_session),
		.cpu_ns = sample->cpu_ns,
		.wall_ns = now - load_relaxed(&s->message_since_ns),
		.parks = load_relaxed(&s->parks[TIER_MACHINE_CODE]) +
			 load_relaxed(&s->parks[TIER_VM]),
		.handoffs = load_relaxed(&s->parks[TIER_FOREIGN]),
		.doomed = load_relaxed(&s->doomed),
		.mailbox = mailbox_length(&s->mailbox),
		.memory_bytes = load_relaxed(&s->memory_bytes),
	};
	/* Of the last full round. */
	if (s->seen.handle == sample->service && in->alert.mailbox > 0)
		in->alert.head_age_ns = now - s->seen.mark_ns;
}

/* HANDOVER: the record hangs on the service until its thread or we take it off again. */
static void hang_evidence(struct incident *in, struct service *s)
{
	in->evidence.kind = "";
	in->evidence.place[0] = in->evidence.traceback[0] = '\0';
	store_relaxed(&in->evidence.state, EVIDENCE_ASKED);
	struct evidence *none = NULL;
	/* Release: the writer finds an empty record. */
	if (!cas_strong_acq_rel(&s->evidence, &none, &in->evidence))
		store_relaxed(&in->evidence.state, EVIDENCE_FREE);
}

static void take_evidence_back(struct incident *in)
{
	struct evidence *mine = &in->evidence;
	if (cas_strong_acq_rel(&in->subject->evidence, &mine, NULL))
		store_relaxed(&in->evidence.state, EVIDENCE_FREE);
}

static void ask_where(struct incident *in, struct thread *t, uint64_t word, int64_t now)
{
	store_relaxed(&t->probe, run_epoch_of(word));
	in->signalled_ns = now;
	if (!thread_is_asleep(t))
		thread_signal(t);
}

/* No hook fires inside a C function, so all that is known is which kind of code the signal met. */
static const char *kind_without_evidence(const struct service *s)
{
	switch (load_relaxed(&s->seen_tier)) {
	case TIER_VM:
		return "in a C function of the Lua library such as string.find, or a finalizer: no "
		       "Lua "
		       "line to be had";
	case TIER_MACHINE_CODE:
		return "compiled code";
	default:
		return "C code or a system call, no Lua line to be had";
	}
}

/* The record has come back: that was one look. */
static void take_look(struct incident *in, int64_t now)
{
	struct evidence *e = &in->evidence;
	struct alert *a = &in->alert;
	a->looks++;
	if (in->kind == NULL) {
		in->kind = e->kind;
		memcpy(in->place, e->place, sizeof(in->place));
		memcpy(in->traceback, e->traceback, sizeof(in->traceback));
	}
	if (strcmp(in->place, e->place) == 0)
		a->same++;
	in->look_ns = now + LOOK_NS;
	store_relaxed(&e->state, EVIDENCE_FREE);
}

/* "gate 3 ms, db 1 ms": the three that have waited longest. */
static void name_waiters(int64_t now, char *out, size_t size)
{
	static struct waiters all;
	size_t used = 0;
	out[0] = '\0';
	waiters_read(&sched.queue, now, 0, &all);
	for (int i = 0; i < all.count && i < 3 && used < size; i++) {
		const struct waiter *w = &all.longest[i];
		int n = snprintf(out + used, size - used, "%s%s %lld us", used ? ", " : "", w->name,
				 (long long)((now - w->since_ns) / NS_PER_US));
		used += n > 0 ? (size_t)n : 0;
	}
}

static void write_alert(struct incident *in, const struct runq_due *due)
{
	struct alert *a = &in->alert;
	char shares[256], waiters[256];
	bool known = in->kind != NULL;
	if (load_acquire(&in->evidence.state) != EVIDENCE_READY)
		take_evidence_back(in);
	survey_shares(shares, sizeof(shares));
	name_waiters(clock_mono_ns(), waiters, sizeof(waiters));
	a->shares = shares;
	a->waiters = waiters;
	a->kind = known ? in->kind : kind_without_evidence(in->subject);
	a->place = known ? in->place : "";
	a->traceback = known ? in->traceback : "";
	a->waiting = due->waiting;
	a->first_waits_ns = due->first_waits_ns;
	a->alerts = in->episode.alerts;
	in->told |= alert_write(a, clock_mono_ns());
	a->shares = a->waiters = ""; /* they were ours */
	if (load_acquire(&in->evidence.state) == EVIDENCE_READY)
		store_relaxed(&in->evidence.state, EVIDENCE_FREE);
	in->asking = false;
	add_relaxed(&endless.alerts, 1);
}

static void begin_alert(struct incident *in, struct thread *t, struct service *s, uint64_t word,
			const struct sample *sample, int64_t now)
{
	fill_alert(in, s, sample, now);
	store_relaxed(&s->endless, true);
	in->asking = true;
	in->asked_ns = in->look_ns = now;
	if (load_acquire(&in->evidence.state) == EVIDENCE_READY)
		store_relaxed(&in->evidence.state,
			      EVIDENCE_FREE); /* came too late for the last one */
	if (load_relaxed(&in->evidence.state) == EVIDENCE_FREE)
		hang_evidence(in, s);
	ask_where(in, t, word, now);
}

static bool alert_is_due(struct incident *in, const struct sample *sample, int64_t first_ns,
			 int64_t warn_ns)
{
	/* Without `warn` there is only the one that comes before a step. */
	if (in->asking || (warn_ns == 0 && in->episode.alerts > 0))
		return false;
	return rule_long_message(&in->episode, sample, first_ns);
}

static int64_t take_steps(struct incident *in, struct thread *t, uint64_t word,
			  const struct sample *sample, int64_t now)
{
	bool raising;
	struct steps_look look = {
		.thread = t,
		.epoch = run_epoch_of(word),
		.service = in->subject,
		.handle = sample->service,
		.number = sample->message_number,
		.cpu_ns = sample->cpu_ns,
		.now_ns = now,
		.name = in->service,
		.place = in->place,
		.told = in->episode.alerts > 0 && !in->asking,
	};
	int64_t next = steps_take(&in->steps, &look, &raising);
	/* The hook that raises says where. */
	if (raising && load_acquire(&in->evidence.state) == EVIDENCE_READY)
		store_relaxed(&in->evidence.state, EVIDENCE_FREE);
	if (raising && load_relaxed(&in->evidence.state) == EVIDENCE_FREE)
		hang_evidence(in, in->subject);
	return next;
}

/* What was done about it, and how it ended, for the closing line. */
static void fill_outcome(struct incident *in)
{
	struct alert *a = &in->alert;
	const struct steps *steps = &in->steps;
	struct service *held = steps->held;
	a->demoted_ns = steps->demoted_ns;
	a->interrupted_ns = steps->interrupted_ns;
	a->raised_at = in->raised_at;
	a->end = NULL;
	if (held == NULL || !a->doomed)
		return;
	a->killed_ns = steps->killed_ns;
	a->end = load_relaxed(&held->abandoned) ? "abandoned, its finalizers did not run"
						: "closed with its finalizers";
	a->end_ns = load_relaxed(&held->ended_ns) - load_relaxed(&held->doomed_ns);
	a->freed_bytes = load_relaxed(&held->memory_bytes);
}

static void end_if_over(struct incident *in)
{
	struct service *s = in->subject;
	if (in->asking)
		return;
	struct sample now = {
		.service = in->episode.service,
		.message_number = load_acquire(&s->message_number),
	};
	bool gone = service_handle(s) != in->episode.service ||
		    load_relaxed(&s->status) == SERVICE_DEAD;
	/* One that we have killed is over when it is dead; we hold it until then. */
	bool killed = in->steps.held && load_relaxed(&s->doomed);
	gone = killed ? load_acquire(&s->ended_ns) != 0 : gone; /* pairs with bury in sched/worker.c */
	if (killed ? !gone : !rule_is_over(&in->episode, gone ? NULL : &now))
		return;
	take_evidence_back(in);
	in->alert.doomed = gone || load_relaxed(&s->doomed);
	fill_outcome(in);
	if (in->told)
		alert_write_over(&in->alert);
	steps_end(&in->steps);
	in->told = false;
	in->episode = (struct episode){0};
}

/* The record of the service, for this message. NULL: there is none, or it is still busy with the last message. */
static struct incident *incident_for(struct service *s, const struct sample *sample, bool make)
{
	struct incident *in = find(sample->service, make);
	if (in && in->episode.service && in->episode.message_number != sample->message_number)
		end_if_over(in);
	if (in == NULL || (in->episode.service == 0 && !make))
		return NULL;
	if (in->episode.service == 0) {
		in->episode = (struct episode){0};
		in->subject = s;
		in->kind = NULL;
		in->place[0] = in->raised_at[0] = '\0';
		memcpy(in->service, s->name, sizeof(in->service));
		in->service[sizeof(in->service) - 1] = '\0';
	}
	bool other = in->episode.service && in->episode.message_number != sample->message_number;
	return other ? NULL : in;
}

/* The service on `t`, whose run word was `word`. Returns when it is worth the next look. */
static int64_t look_at(struct thread *t, uint64_t word, int64_t now)
{
	struct service *s = load_relaxed(&t->cur);
	struct limits limits;
	if (s == NULL)
		return INT64_MAX;
	service_limits_of(s, &limits);
	struct sample sample = {
		.service = service_handle(s),
		.message_number = load_acquire(&s->message_number), /* pairs with begin_message */
		.cpu_ns = message_cpu(t, s, word, now),
	};
	bool by_hand = steps_asked_by_hand(s, sample.message_number);
	if (!is_sound(t, word) || sample.message_number == 0)
		return now + 100 * NS_PER_MS;
	int64_t first_ns = ladder_first_ns(limits.at_ns);
	bool due = sample.cpu_ns >= first_ns || by_hand;
	struct incident *in = incident_for(s, &sample, due);
	if (in == NULL)
		/* Not yet; or all records are in use, and this one has to wait. */
		return due || first_ns == INT64_MAX ? now + 100 * NS_PER_MS
						    : now + first_ns - sample.cpu_ns;
	if (alert_is_due(in, &sample, first_ns, limits.at_ns[STEP_WARN]))
		begin_alert(in, t, s, word, &sample, now);
	in->alert.cpu_ns = sample.cpu_ns; /* for the closing line */
	in->alert.wall_ns = now - load_relaxed(&s->message_since_ns);
	if (in->asking && now >= in->look_ns && now - in->signalled_ns >= EVIDENCE_RETRY_NS) {
		if (load_acquire(&in->evidence.state) == EVIDENCE_FREE)
			hang_evidence(in, s);
		ask_where(in, t, word, now);
	}
	int64_t next = take_steps(in, t, word, &sample, now);
	if (in->asking)
		return now + EVIDENCE_RETRY_NS;
	int64_t alert = in->episode.next_ns == INT64_MAX ? INT64_MAX : now + in->episode.next_ns - sample.cpu_ns;
	return alert > now && alert < next ? alert : next;
}

/* Where the interrupt's error was raised. */
static void take_raised(struct incident *in)
{
	if (in->asking || load_acquire(&in->evidence.state) != EVIDENCE_READY)
		return;
	/* The handler, in machine code, has nothing to raise. */
	if (in->steps.interrupted_ns && strcmp(in->evidence.kind, "interpreted") == 0)
		memcpy(in->raised_at, in->evidence.place, sizeof(in->raised_at));
	store_relaxed(&in->evidence.state, EVIDENCE_FREE);
}

static int64_t tend(struct incident *in, int64_t now, const struct runq_due *due)
{
	take_raised(in);
	/* Pairs with the writer. */
	if (in->asking && load_acquire(&in->evidence.state) == EVIDENCE_READY)
		take_look(in, now);
	bool enough = in->alert.looks >= LOOKS || now - in->asked_ns >= EVIDENCE_PATIENCE_NS;
	if (in->asking && enough)
		write_alert(in, due);
	end_if_over(in);
	return in->asking ? now + EVIDENCE_RETRY_NS : INT64_MAX;
}

int64_t endless_pass(int64_t now, const struct runq_due *due)
{
	/* Somebody may begin a long message at any time without telling us. */
	int64_t next = INT64_MAX;
	for (int i = 0; i < thread_count(); i++) {
		struct thread *t = thread_at(i);
		uint64_t word = load_seq(&t->run); /* seq: see enter_body in sched/worker.c */
		if (run_state_of(word) != RUN_BODY && run_state_of(word) != RUN_DETACHED)
			continue;
		int64_t at = look_at(t, word, now);
		if (at < next)
			next = at;
	}
	for (int i = 0; i < endless.count; i++) {
		struct incident *in = &endless.incident[i];
		if (in->episode.service == 0)
			continue;
		if (in->episode.alerts > 0)
			demoted_misbehaves(in->episode.service, now);
		int64_t at = tend(in, now, due);
		if (at < next)
			next = at;
	}
	/* The coarse tick: never later than 100 ms while anybody runs. */
	int64_t coarse = now + 100 * NS_PER_MS;
	return next == INT64_MAX ? next : next < coarse ? next : coarse;
}
