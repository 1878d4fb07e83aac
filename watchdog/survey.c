/* SPDX-License-Identifier: MIT */
#include "watchdog/survey.h"
#include "core/clock.h"
#include "core/loop.h"
#include "core/mem.h"
#include "core/timer.h"
#include "sched/accounts.h"
#include "sched/sched.h"
#include "sched/waiters.h"
#include "watchdog/disturbance.h"
#include "watchdog/measure.h"
#include "watchdog/native.h"
#include "watchdog/notice.h"
#include "watchdog/shares.h"

#include <string.h>

enum { FINDINGS_MAX = 256, SERVICES_MAX = 65536 };

static const int64_t ROUND_NS = 100 * NS_PER_MS, FULL_ROUND_NS = NS_PER_S;

/* A figure that has reached its limit at the last look, of a service or (0) of the process. */
struct finding {
	enum rule_kind kind;
	uint32_t service;
	struct rule_state state;
	uint64_t round; /* in which it was looked at last; 0: free */
	bool told;      /* one line of it at least was written */
	char name[sizeof(((struct service *)0)->name)];
};

/* What a thread is seen doing, and since when; [i] belongs to thread_at(i). */
struct posture {
	uint64_t word;
	enum { AT_EASE, ASKED, ASLEEP, BUSY } doing;
	int64_t since_ns;
};

static struct {
	int64_t limit[RULE_KINDS];
	struct finding finding[FINDINGS_MAX];
	int findings; /* in use: [0, findings) may hold free ones; mostly there are none to go through */
	struct posture *posture;
	uint32_t *handle; /* of a full round */
	struct waiters waiters;
	struct machine_sample machine;
	int64_t born_ns, next_ns, next_full_ns;
	int64_t baseline_ns; /* what was before proves nothing */
	bool disturbed;
	bool full;      /* this round */
	uint64_t round; /* 0: none yet */
	/* The thread that the present figure is about, in this dispatch; NULL: it is about none. */
	struct thread *about;
	uint64_t about_word;
	struct native native;
	_Atomic uint64_t vetoes;
} survey;

void survey_init(const int64_t limits[RULE_KINDS], int max_threads)
{
	memset(&survey, 0, sizeof(survey));
	memcpy(survey.limit, limits, sizeof(survey.limit));
	survey.posture = mem_zalloc((size_t)max_threads * sizeof(survey.posture[0]));
	survey.handle = mem_alloc(SERVICES_MAX * sizeof(survey.handle[0]));
	survey.born_ns = clock_mono_ns();
	disturbance_init();
	shares_begin();
}

void survey_term(void)
{
	disturbance_term();
	mem_free(survey.posture);
	mem_free(survey.handle);
	survey.posture = NULL;
	survey.handle = NULL;
}

uint64_t survey_vetoes(void)
{
	return load_relaxed(&survey.vetoes);
}

/* ---- findings ---- */

static struct finding *find(enum rule_kind kind, uint32_t service)
{
	for (int i = 0; i < survey.findings; i++) {
		struct finding *f = &survey.finding[i];
		if (f->round && f->kind == kind && f->service == service)
			return f;
	}
	return NULL;
}

static struct finding *make(enum rule_kind kind, uint32_t service)
{
	for (int i = 0; i < FINDINGS_MAX; i++) {
		struct finding *f = &survey.finding[i];
		if (f->round)
			continue;
		if (i >= survey.findings)
			survey.findings = i + 1;
		*f = (struct finding){.kind = kind, .service = service};
		return f;
	}
	return NULL;
}

/* Of one that waits: copied while it did. */
static void copy_waiter_name(struct finding *f)
{
	for (int i = 0; i < survey.waiters.count; i++)
		if (survey.waiters.longest[i].handle == f->service)
			memcpy(f->name, survey.waiters.longest[i].name, sizeof(f->name));
}

/* Of the one whose thread the figure is about: it is that one's for as long as the dispatch lasts. */
static void copy_name_on_thread(struct finding *f)
{
	const struct service *s = load_relaxed(&survey.about->cur);
	if (s)
		memcpy(f->name, s->name, sizeof(f->name));
	if (load_acquire(&survey.about->run) != survey.about_word)
		f->name[0] = '\0';
}

/* A service that was killed has no handle by which to find it, but may wait or compute on for long. */
static void learn_name(struct finding *f)
{
	struct service *s = f->service ? service_grab(f->service) : NULL;
	if (s) {
		memcpy(f->name, s->name, sizeof(f->name));
		service_release(s);
	} else if (f->kind == RULE_STARVED) {
		copy_waiter_name(f);
	} else if (survey.about) {
		copy_name_on_thread(f);
	}
}

static void speak(struct finding *f, enum rule_verdict verdict, int64_t begun_ns, int64_t figure,
		  int64_t limit, int64_t now)
{
	struct notice n = {
		.kind = f->kind,
		.verdict = verdict,
		.service = f->service,
		.name = f->name,
		.figure = figure,
		.limit = limit,
		.worst = f->state.worst,
		.lasted_ns = now - begun_ns,
	};
	if (survey.about && verdict != RULE_OVER &&
	    native_look(survey.about, survey.about_word, &survey.native)) {
		n.syscall = survey.native.syscall;
		n.frames = survey.native.frames;
	}
	/* An episode of which nobody was told needs no end. */
	if (verdict != RULE_OVER || f->told)
		f->told |= notice_write(&n, now);
}

/* One figure of a service that was born at `born_ns`; `limit` may be more than that of the config. */
static void judge(enum rule_kind kind, uint32_t service, int64_t born_ns, int64_t figure,
		  int64_t limit, int64_t now)
{
	struct finding *f = find(kind, service);
	if (survey.limit[kind] == 0 || (f == NULL && figure < limit))
		return;
	if (f == NULL)
		f = make(kind, service);
	if (f == NULL)
		return; /* all are in use: this one has to wait */
	bool unmet = kind == RULE_STUCK &&
		     !sighting_read(&survey.about->sighting, run_epoch_of(survey.about_word));
	struct rule_look look = {now, born_ns, figure, limit, survey.disturbed, unmet};
	int64_t begun_ns = f->state.begun_ns;
	enum rule_verdict verdict = rule_judge(kind, &f->state, &look);
	f->round = survey.round;
	if (verdict == RULE_BEGINS)
		learn_name(f);
	if (verdict != RULE_QUIET)
		speak(f, verdict, begun_ns ? begun_ns : now, figure, limit, now);
	if (f->state.begun_ns == 0 && f->state.above_ns == 0)
		f->round = 0;
}

/* What was not looked at in this round has gone: it waits no more, the thread does something else, the service ended. */
static void close_gone(int64_t now)
{
	for (int i = 0; i < survey.findings; i++) {
		struct finding *f = &survey.finding[i];
		if (f->round == 0 || f->round == survey.round ||
		    ((rule_table[f->kind].flags & RULE_SLOW) && !survey.full))
			continue;
		if (f->state.begun_ns)
			speak(f, RULE_OVER, f->state.begun_ns, 0, survey.limit[f->kind], now);
		f->round = 0;
	}
}

static bool any_finding(void)
{
	while (survey.findings > 0 && survey.finding[survey.findings - 1].round == 0)
		survey.findings--;
	for (int i = 0; i < survey.findings; i++)
		if (survey.finding[i].round)
			return true;
	return false;
}

/* ---- who waits ---- */

static void look_at_waiters(int64_t now)
{
	int64_t least = survey.limit[RULE_STARVED];
	/* An open episode ends when its wait does, so only those beyond the limit are of interest. */
	if (least == 0 || load_relaxed(&sched.queue.waiting) == 0)
		return;
	waiters_read(&sched.queue, now, least, &survey.waiters);
	for (int i = 0; i < survey.waiters.count; i++) {
		const struct waiter *w = &survey.waiters.longest[i];
		struct entitlement e = {w->slice_ns, w->weight, w->ahead_ns,
					survey.waiters.total_weight, sched.options.workers,
					w->members};
		int64_t waits = measure_age_ns(now, w->since_ns, survey.baseline_ns);
		judge(RULE_STARVED, w->handle, w->born_ns, waits,
		      measure_starved_limit_ns(least, measure_entitled_ns(&e)), now);
	}
}

/* ---- the threads ---- */

/* One that has stepped aside by itself (skynet.blocking) may be as long as it likes. */
static int doing_of(const struct thread *t, const struct service *s, uint64_t word)
{
	if (s && load_relaxed(&s->aside))
		return AT_EASE;
	if (run_state_of(word) == RUN_BODY && load_relaxed(&t->wanted) == run_epoch_of(word))
		return ASKED;
	if (run_state_of(word) == RUN_DETACHED)
		return thread_is_asleep(t) ? ASLEEP : BUSY;
	return AT_EASE;
}

/* As far as the full rounds know: one that they have not met yet is new. */
static int64_t born_of(const struct service *s, uint32_t handle, int64_t now)
{
	return s->seen.handle == handle ? s->seen.first_ns : now;
}

/* A figure of a service that is about what its thread does: the alert says where that is. The look before the one that
 * begins or repeats an episode has asked; one that computes has answered as soon as it has had a core. */
static void judge_thread(enum rule_kind kind, struct thread *t, uint32_t handle, int64_t born_ns,
			 int64_t figure, int64_t now)
{
	survey.about = t;
	survey.about_word = survey.posture[t->index].word;
	judge(kind, handle, born_ns, figure, survey.limit[kind], now);
	survey.about = NULL;
	if (survey.limit[kind] == 0 || figure < survey.limit[kind] || thread_is_asleep(t))
		return;
	native_ask(t, survey.about_word);
	thread_signal(t);
}

/* Has the thread counted where its next signal meets it. One that was stopped since the last round will be again; only one that
 * runs on alone needs a signal of ours. */
static void ask_sample(struct thread *t, uint64_t word, bool lasts)
{
	if (survey.limit[RULE_GC] == 0 || !landmark_known(LANDMARK_COLLECTOR))
		return;
	store_relaxed(&t->sample, run_epoch_of(word));
	if (lasts && !thread_is_asleep(t))
		thread_signal(t);
}

/* Returns whether it is in a service. */
static bool look_at_thread(struct thread *t, int64_t now)
{
	struct posture *p = &survey.posture[t->index];
	uint64_t word = load_seq(&t->run); /* seq: see enter_body in sched/worker.c */
	struct service *s = load_relaxed(&t->cur);
	int doing = doing_of(t, s, word);
	uint32_t handle = s ? service_handle(s) : 0;
	bool runs = run_state_of(word) == RUN_BODY || run_state_of(word) == RUN_DETACHED;
	if (runs)
		ask_sample(t, word, p->word == word);
	if (p->word != word || (int)p->doing != doing) {
		p->word = word;
		p->doing = doing;
		p->since_ns = now;
	}
	if (handle == 0 || load_acquire(&t->run) != word)
		return runs;
	int64_t age = measure_age_ns(now, p->since_ns, survey.baseline_ns);
	if (doing == ASKED)
		judge_thread(RULE_SLOT, t, handle, 0, age, now);
	else if (doing == ASLEEP)
		judge_thread(RULE_BLOCKED, t, handle, born_of(s, handle, now), age, now);
	else if (doing == BUSY)
		judge_thread(RULE_STUCK, t, handle, 0, accounts_detached_ns(t), now);
	return runs;
}

static bool look_at_threads(int64_t now)
{
	bool runs = false;
	for (int i = 0; i < thread_count(); i++)
		runs |= look_at_thread(thread_at(i), now);
	return runs;
}

/* ---- all services ---- */

/* False: it is seen for the first time, so there is nothing to compare with. */
static bool remember(struct service *s, uint32_t handle, const struct service_sample *now,
		     struct service_sample *before)
{
	bool known = s->seen.handle == handle;
	int64_t cpu = load_relaxed(&s->cpu_ns) + accounts_running_ns(s);
	if (known)
		shares_add(handle, cpu - s->seen.cpu_ns, now->at_ns - s->seen.at_ns);
	s->seen.cpu_ns = cpu;
	*before = (struct service_sample){.at_ns = s->seen.at_ns,
					  .messages = s->seen.messages,
					  .errors = s->seen.errors,
					  .refused = s->seen.refused};
	if (!known) {
		s->seen.handle = handle;
		s->seen.first_ns = now->at_ns;
		s->seen.mark_ns = now->at_ns;
		s->seen.mark_last = now->messages + now->mailbox;
		s->seen.memory_mark = 0;
		s->seen.collector_at_ns = now->at_ns;
		s->seen.collector_cpu_ns = cpu;
		s->seen.samples = s->seen.collector_samples = 0;
		s->seen.collector_ns = 0;
	}
	s->seen.at_ns = now->at_ns;
	s->seen.messages = now->messages;
	s->seen.errors = now->errors;
	s->seen.refused = now->refused;
	return known;
}

static void judge_mailbox_age(struct service *s, uint32_t handle, const struct service_sample *now)
{
	struct age_mark mark = {s->seen.mark_ns, s->seen.mark_last};
	measure_head_age_ns(&mark, now);
	s->seen.mark_ns = mark.at_ns;
	s->seen.mark_last = mark.last;
	int64_t age = now->mailbox ? measure_age_ns(now->at_ns, mark.at_ns, survey.baseline_ns) : 0;
	judge(RULE_MAILBOX_AGE, handle, s->seen.first_ns, age, survey.limit[RULE_MAILBOX_AGE],
	      now->at_ns);
}

/* A high-water mark for each service, which is kept with it. */
static void judge_memory(struct service *s, uint32_t handle, int64_t now)
{
	struct finding f = {.kind = RULE_MEMORY, .service = handle};
	struct rule_look look = {now, 0, (int64_t)load_relaxed(&s->memory_bytes),
				 survey.limit[RULE_MEMORY], false, false};
	f.state.mark = s->seen.memory_mark;
	if (rule_judge(RULE_MEMORY, &f.state, &look) != RULE_BEGINS)
		return;
	s->seen.memory_mark = f.state.mark;
	learn_name(&f);
	speak(&f, RULE_BEGINS, now, look.figure, look.limit, now);
}

static void judge_collector(struct service *s, uint32_t handle, int64_t now)
{
	uint32_t samples = load_relaxed(&s->samples), met = load_relaxed(&s->collector_samples);
	struct collector_window w = {s->seen.collector_at_ns, s->seen.collector_cpu_ns,
				     s->seen.samples, s->seen.collector_samples,
				     s->seen.collector_ns};
	int64_t figure = measure_collector_ns(&w, now, s->seen.cpu_ns, samples, met);
	s->seen.collector_at_ns = w.at_ns;
	s->seen.collector_cpu_ns = w.cpu_ns;
	s->seen.samples = w.samples;
	s->seen.collector_samples = w.met;
	s->seen.collector_ns = w.figure_ns;
	judge(RULE_GC, handle, 0, figure, survey.limit[RULE_GC], now);
}

static void look_at_service(uint32_t handle, int64_t now)
{
	struct service *s = service_peek(handle);
	struct service_sample before, sample;
	if (s == NULL)
		return;
	/* A message that is being taken just now may be in neither figure: then the mark is one too low, and the age
	 * that is found is only the more careful. */
	sample.at_ns = now;
	sample.mailbox = mailbox_length(&s->mailbox);
	sample.messages = load_relaxed(&s->messages);
	sample.errors = load_relaxed(&s->errors);
	sample.refused = load_relaxed(&s->mailbox.rejected) + load_relaxed(&s->mailbox.dropped);
	int64_t tasks = load_relaxed(&s->tasks);
	if (service_handle(s) != handle || !remember(s, handle, &sample, &before))
		return;
	judge(RULE_MAILBOX, handle, 0, measure_stalled_mailbox(&before, &sample),
	      survey.limit[RULE_MAILBOX], now);
	judge_mailbox_age(s, handle, &sample);
	judge(RULE_MAILBOX_FULL, handle, 0, measure_refusal_rate(&before, &sample),
	      survey.limit[RULE_MAILBOX_FULL], now);
	judge(RULE_ERRORS, handle, 0, measure_error_rate(&before, &sample),
	      survey.limit[RULE_ERRORS], now);
	judge(RULE_TASKS, handle, 0, tasks, survey.limit[RULE_TASKS], now);
	judge_memory(s, handle, now);
	judge_collector(s, handle, now);
}

static void look_at_services(int64_t now)
{
	size_t count = handle_list(survey.handle, SERVICES_MAX);
	if (count > SERVICES_MAX)
		count = SERVICES_MAX;
	shares_begin();
	for (size_t i = 0; i < count; i++)
		look_at_service(survey.handle[i], now);
	shares_end();
}

/* ---- the process ---- */

static void look_at_loop(int64_t now)
{
	int64_t since = loop_busy_since_ns();
	int64_t busy = measure_age_ns(now, since, survey.baseline_ns);
	judge(RULE_LOOP_LATE, 0, survey.born_ns, busy, survey.limit[RULE_LOOP_LATE], now);
}

static void look_at_timers(int64_t now)
{
	judge(RULE_TIMER_LATE, 0, survey.born_ns, timer_take_lateness_ns(),
	      survey.limit[RULE_TIMER_LATE], now);
}

static void look_at_machine(int64_t now, int64_t late_ns)
{
	struct machine_sample sample;
	/* Also before anybody is blamed: a debugger stops one thread after the other, and us as one of the last. */
	bool ask = survey.full || any_finding();
	disturbance_sample(&sample, &survey.machine, now, late_ns, ask);
	/* After a time in which nobody ran, the last sample is old: what was taken since is no news. */
	bool fresh = survey.round && now - survey.machine.at_ns < 2 * FULL_ROUND_NS + late_ns;
	survey.disturbed = !fresh || disturbance_between(&survey.machine, &sample,
							 survey.limit[RULE_MONITOR_LATE]);
	survey.machine = sample;
	if (!survey.disturbed)
		return;
	survey.baseline_ns = now;
	add_relaxed(&survey.vetoes, 1);
}

int64_t survey_pass(int64_t now, int64_t late_ns)
{
	bool late = survey.limit[RULE_MONITOR_LATE] && late_ns >= survey.limit[RULE_MONITOR_LATE];
	if (now < survey.next_ns && !late)
		return survey.next_ns;
	survey.full = now >= survey.next_full_ns;
	look_at_machine(now, late_ns);
	survey.round++;
	bool runs = look_at_threads(now) || load_relaxed(&sched.queue.waiting) > 0;
	look_at_waiters(now);
	look_at_loop(now);
	if (survey.full) {
		look_at_services(now);
		look_at_timers(now);
		survey.next_full_ns = now + FULL_ROUND_NS;
	}
	close_gone(now);
	survey.next_ns = now + ROUND_NS;
	int64_t told = notice_pass(now);
	bool open = any_finding();
	int64_t next = runs || open ? survey.next_ns : INT64_MAX;
	return told < next ? told : next;
}
