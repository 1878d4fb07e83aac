/* SPDX-License-Identifier: MIT */
#include "watchdog/incident.h"
#include "core/clock.h"
#include "sched/sched.h"
#include "sched/waiters.h"
#include "watchdog/shares.h"

#include <stdio.h>
#include <string.h>

/* Between two looks for one alert, of which rules.h says how many are wanted. */
static const int64_t LOOK_NS = 10 * NS_PER_MS;

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

static void fill_alert(struct incident *in, const struct sample *sample, int64_t now)
{
	const struct service *s = in->subject;
	name_source(in, load_relaxed(&s->message_source));
	read_argument(in, s);
	in->kind = NULL;
	in->asked = NULL;
	in->met = in->met_in = 0;
	in->native.syscall[0] = in->native.frames[0] = '\0';
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
static void hang_evidence(struct incident *in)
{
	struct service *s = in->subject;
	in->evidence.kind = "";
	in->evidence.in_c = false;
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

/* Has it been met since it was asked last? Its handler, wherever that ran, has left a sighting; who sleeps is not signalled. */
static void note_meeting(struct incident *in)
{
	if (in->asked == NULL)
		return;
	if (sighting_read(&in->asked->sighting, run_epoch_of(in->asked_word))) {
		in->met++;
		in->met_in |= (uint8_t)(1 << load_relaxed(&in->subject->seen_tier));
	} else if (load_acquire(&in->asked->run) == in->asked_word && thread_is_asleep(in->asked)) {
		in->met++;
	}
}

static void ask_where(struct incident *in, struct thread *t, uint64_t word, int64_t now)
{
	note_meeting(in);
	if ((in->kind == NULL || in->in_c) && in->asked)
		native_look(in->asked, in->asked_word, &in->native);
	in->asked = t;
	in->asked_word = word;
	native_ask(t, word);
	store_relaxed(&t->probe, run_epoch_of(word));
	in->signalled_ns = now;
	if (!thread_is_asleep(t))
		thread_signal(t);
}

/* No hook fires inside a C function, so all that is known is which kinds of code the signals met. */
static const char *kind_without_evidence(const struct incident *in)
{
	bool gone;
	if (in->met == 0)
		return incident_is_over(in, &gone)
			       ? "not met: its message ended just then"
			       : "not met: it has had no core or no turn since it was asked";
	/* Once in the library is enough: code of others never looks like that, but the handler is not always sure of it. */
	if (in->met_in & 1 << TIER_VM)
		return "in a C function of the Lua library such as string.find, or a finalizer: no Lua line to be had";
	if (in->met_in & 1 << TIER_MACHINE_CODE)
		return "compiled code";
	return "C code or a system call, no Lua line to be had";
}

/* The record has come back: that was one look. */
static void take_look(struct incident *in, int64_t now)
{
	struct evidence *e = &in->evidence;
	struct alert *a = &in->alert;
	a->looks++;
	if (in->kind == NULL) {
		in->kind = e->kind;
		in->in_c = e->in_c;
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
	shares_format(shares, sizeof(shares));
	name_waiters(clock_mono_ns(), waiters, sizeof(waiters));
	a->shares = shares;
	a->waiters = waiters;
	a->kind = known ? in->kind : kind_without_evidence(in);
	a->place = known ? in->place : "";
	a->traceback = known ? in->traceback : "";
	bool native = !known || in->in_c;
	if (native && in->asked)
		native_look(in->asked, in->asked_word, &in->native);
	a->syscall = native ? in->native.syscall : "";
	a->frames = native ? in->native.frames : "";
	a->waiting = due->waiting;
	a->first_waits_ns = due->first_waits_ns;
	a->alerts = in->episode.alerts;
	in->told |= alert_write(a, clock_mono_ns());
	a->shares = a->waiters = ""; /* they were ours */
	if (load_acquire(&in->evidence.state) == EVIDENCE_READY)
		store_relaxed(&in->evidence.state, EVIDENCE_FREE);
	in->asking = false;
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

bool incident_is_over(const struct incident *in, bool *gone)
{
	const struct service *s = in->subject;
	struct sample now = {.message_number = load_acquire(&s->message_number)}; /* pairs with begin_message */
	*gone = service_handle(s) != in->episode.service ||
		load_relaxed(&s->status) == SERVICE_DEAD;
	return rule_is_over(&in->episode, *gone ? NULL : &now);
}

void incident_begin_alert(struct incident *in, struct thread *t, uint64_t word,
			  const struct sample *sample, int64_t now)
{
	fill_alert(in, sample, now);
	store_relaxed(&in->subject->endless, true);
	in->asking = true;
	in->asked_ns = in->look_ns = now;
	if (load_acquire(&in->evidence.state) == EVIDENCE_READY)
		store_relaxed(&in->evidence.state,
			      EVIDENCE_FREE); /* came too late for the last one */
	if (load_relaxed(&in->evidence.state) == EVIDENCE_FREE)
		hang_evidence(in);
	ask_where(in, t, word, now);
}

void incident_look(struct incident *in, struct thread *t, uint64_t word, int64_t now)
{
	if (!in->asking || now < in->look_ns || now - in->signalled_ns < INCIDENT_RETRY_NS)
		return;
	if (load_acquire(&in->evidence.state) == EVIDENCE_FREE)
		hang_evidence(in);
	ask_where(in, t, word, now);
}

bool incident_tend(struct incident *in, int64_t now, const struct runq_due *due)
{
	bool gone;
	take_raised(in);
	/* Pairs with the writer. */
	if (in->asking && load_acquire(&in->evidence.state) == EVIDENCE_READY)
		take_look(in, now);
	struct evidence_age age = {
		.since_ask_ns = now - in->asked_ns,
		.looks = in->alert.looks,
		.met = in->met,
		.over = incident_is_over(in, &gone),
	};
	if (!in->asking || !rule_evidence_is_enough(&age))
		return false;
	write_alert(in, due);
	return true;
}

void incident_stop_asking(struct incident *in)
{
	take_evidence_back(in);
	in->asking = false;
}

void incident_expect_raise(struct incident *in)
{
	if (load_acquire(&in->evidence.state) == EVIDENCE_READY)
		store_relaxed(&in->evidence.state, EVIDENCE_FREE);
	if (load_relaxed(&in->evidence.state) == EVIDENCE_FREE)
		hang_evidence(in);
}

void incident_begin(struct incident *in, struct service *s, const struct sample *sample,
		    int64_t first_ns, int64_t now)
{
	in->episode = (struct episode){sample->service, sample->message_number, first_ns, 0};
	in->subject = s;
	in->place[0] = in->raised_at[0] = '\0';
	in->told = in->asking = false;
	memcpy(in->service, s->name, sizeof(in->service));
	in->service[sizeof(in->service) - 1] = '\0';
	fill_alert(in, sample, now); /* the closing line needs it, if there is no other */
}

void incident_end(struct incident *in, bool gone)
{
	const struct steps *done = &in->steps;
	take_raised(in);
	take_evidence_back(in);
	in->alert.doomed = gone || load_relaxed(&in->subject->doomed);
	fill_outcome(in);
	/* What was done is told in any case. */
	if (in->told || done->demoted_ns || done->interrupted_ns || done->killed_ns)
		alert_write_over(&in->alert);
	steps_end(&in->steps);
	in->told = false;
	in->episode = (struct episode){0};
}
