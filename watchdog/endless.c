/* SPDX-License-Identifier: MIT */
#include "watchdog/endless.h"
#include "core/clock.h"
#include "core/mem.h"
#include "sched/accounts.h"
#include "sched/sched.h"
#include "watchdog/demoted.h"
#include "watchdog/incident.h"

#include <string.h>

enum { CASES_MAX = 256 };

/* The coarse tick while anybody runs. */
static const int64_t COARSE_NS = 100 * NS_PER_MS;

static struct {
	int64_t coarse_ns; /* between two looks at those who run, at the most: as of this pass */
	int64_t next_ns;   /* passes before it are not ours: those of the slices come thousands of times a second */
	struct sight *sight; /* [i] belongs to thread_at(i) */
	struct incident incident[CASES_MAX];
	int count; /* in use: [0, count) may hold free ones */
	_Atomic uint64_t alerts;
} endless;

void endless_init(int max_threads)
{
	memset(&endless, 0, sizeof(endless));
	endless.sight = mem_zalloc((size_t)max_threads * sizeof(endless.sight[0]));
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

/* CPU of the message that has run on `t` since `mark`. */
static int64_t cpu_since(struct thread *t, uint64_t word, int64_t mark, int64_t now)
{
	struct sight_now seen = {word, mark, now, clock_cpu_ns(load_relaxed(&t->cpu_clock))};
	/* Nobody runs for longer than that without being looked at, but where the whole process was stopped. */
	return rule_used_ns(&endless.sight[t->index], &seen, 2 * endless.coarse_ns);
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

static bool alert_is_due(struct incident *in, const struct sample *sample, int64_t first_ns,
			 int64_t warn_ns)
{
	/* Without `warn` there is only the one that comes before a step. */
	if (in->asking || (warn_ns == 0 && in->episode.alerts > 0))
		return false;
	return rule_long_message(&in->episode, sample, first_ns);
}

static int64_t take_steps(struct incident *in, struct thread *t, uint64_t epoch,
			  const struct sample *sample, int64_t now)
{
	bool raising;
	struct steps_look look = {
		.thread = t,
		.epoch = epoch,
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
	if (raising)
		incident_expect_raise(in);
	return next;
}

static void end_if_over(struct incident *in)
{
	struct service *s = in->subject;
	bool gone, over;
	if (in->asking)
		return;
	over = incident_is_over(in, &gone);
	/* One that we have killed is over when it is dead; we hold it until then. */
	if (in->steps.held && load_relaxed(&s->doomed))
		over = gone = load_acquire(&s->ended_ns) != 0; /* pairs with bury in sched/worker.c */
	if (over)
		incident_end(in, gone);
}

/* The record of the service, for this message. NULL: there is none, or it is still busy with the last message. */
static struct incident *incident_for(struct service *s, const struct sample *sample, bool make,
				     int64_t first_ns, int64_t now)
{
	struct incident *in = find(sample->service, make);
	if (in == NULL)
		return NULL;
	if (in->episode.service && in->episode.message_number != sample->message_number)
		end_if_over(in);
	if (in->episode.service == 0 && make)
		incident_begin(in, s, sample, first_ns, now);
	return in->episode.message_number == sample->message_number ? in : NULL;
}

/* CPU figure to time: never in the past. */
static int64_t when(int64_t cpu_ns, const struct sample *sample, int64_t now)
{
	return cpu_ns == INT64_MAX ? INT64_MAX : now + cpu_ns - sample->cpu_ns;
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
		return now + COARSE_NS;
	int64_t first_ns = ladder_first_ns(limits.at_ns);
	bool due = sample.cpu_ns >= first_ns || by_hand;
	struct incident *in = incident_for(s, &sample, due, first_ns, now);
	/* Not yet; or all records are in use, and this one has to wait. */
	if (in == NULL)
		return due ? now + COARSE_NS : when(first_ns, &sample, now);
	if (alert_is_due(in, &sample, first_ns, limits.at_ns[STEP_WARN]))
		incident_begin_alert(in, t, word, &sample, now);
	in->alert.cpu_ns = sample.cpu_ns; /* for the closing line */
	in->alert.wall_ns = now - load_relaxed(&s->message_since_ns);
	incident_look(in, t, word, now);
	int64_t next = take_steps(in, t, run_epoch_of(word), &sample, now);
	if (in->asking)
		return now + INCIDENT_RETRY_NS;
	int64_t alert = when(in->episode.next_ns, &sample, now);
	return alert > now && alert < next ? alert : next;
}

/* A step must not come late because nobody looked in time, whoever begins when. */
static int64_t coarse_ns(void)
{
	int64_t part = service_shortest_step_ns() / 10;
	return part < COARSE_NS ? part : COARSE_NS;
}

/* What was over before the last pass could see it is told now. */
static void close_last(struct incident *in)
{
	incident_stop_asking(in);
	end_if_over(in);
	steps_end(&in->steps);
}

void endless_term(void)
{
	for (int i = 0; i < endless.count; i++)
		if (endless.incident[i].episode.service)
			close_last(&endless.incident[i]);
	mem_free(endless.sight);
	endless.sight = NULL;
}

int64_t endless_pass(int64_t now, const struct runq_due *due)
{
	/* Somebody may begin a long message at any time without telling us. */
	int64_t next = INT64_MAX;
	bool idle = true;
	if (now < endless.next_ns)
		return endless.next_ns;
	endless.coarse_ns = coarse_ns();
	for (int i = 0; i < thread_count(); i++) {
		struct thread *t = thread_at(i);
		uint64_t word = load_seq(&t->run); /* seq: see enter_body in sched/worker.c */
		if (run_state_of(word) != RUN_BODY && run_state_of(word) != RUN_DETACHED)
			continue;
		idle = false;
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
		if (incident_tend(in, now, due))
			add_relaxed(&endless.alerts, 1);
		end_if_over(in);
		if (in->asking && now + INCIDENT_RETRY_NS < next)
			next = now + INCIDENT_RETRY_NS;
		idle = idle && in->episode.service == 0;
	}
	/* The coarse tick while anybody runs or an episode is open. Else whoever begins rings, and has a look at once. */
	int64_t coarse = now + endless.coarse_ns;
	if (next > coarse && !idle)
		next = coarse;
	endless.next_ns = idle ? 0 : next;
	return idle ? INT64_MAX : next;
}
