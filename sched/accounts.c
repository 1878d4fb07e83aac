/* SPDX-License-Identifier: MIT */
#include "sched/accounts.h"
#include "core/clock.h"
#include "sched/sched.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A loss of this much is worth asking the kernel why: two system calls, about 1.5 us. */
static const int64_t LOSS_NS = 50 * NS_PER_US;
/* Between two looks before going to sleep, where they delay nobody; between two full ones anywhere. */
static const int64_t IDLE_LOOK_NS = NS_PER_MS, FULL_LOOK_NS = 10 * NS_PER_MS;

static struct {
	_Atomic int64_t detached_ns, ended_ns;
} accounts;

void accounts_open(void)
{
	int64_t now = clock_mono_ns();
	for (int i = 0; i < sched.options.workers; i++)
		ledger_open(&sched.worker[i].ledger, now);
	store_relaxed(&accounts.detached_ns, 0);
	store_relaxed(&accounts.ended_ns, 0);
}

/* ---- what the kernel knows of a thread ---- */

void accounts_open_thread(struct thread *t)
{
	/* Fails on kernels without CONFIG_SCHED_INFO: what services lose and sleep is then told apart less well. */
	thread_keep_file(&t->delay_fd, "schedstat");
}

/* How long it waited for a core while it could have run; -1: unknown. A reader on another thread may meet the
 * file of a thread that has ended, or of the next one; it throws the result away then (read_slot). */
static int64_t delay_ns(const struct thread *t)
{
	char text[64], *end;
	int fd = load_acquire(&t->delay_fd);
	ssize_t got = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);
	if (got <= 0)
		return -1;
	text[got] = '\0';
	strtoll(text, &end, 10);
	return *end == ' ' ? strtoll(end, NULL, 10) : -1;
}

static int64_t own_sleeps(void)
{
	struct rusage usage;
	return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nvcsw : -1;
}

static bool wants_full(const struct ledger *l, int64_t now, int64_t cpu)
{
	return ledger_lost_ns(l, now, cpu) >= LOSS_NS ||
	       now - load_relaxed(&l->full_ns) >= FULL_LOOK_NS;
}

static void look_self(struct worker *w, int64_t now)
{
	struct ledger_look look = {.cpu_ns = clock_self_cpu_ns()};
	look.full = wants_full(&w->ledger, now, look.cpu_ns);
	if (look.full) {
		look.delay_ns = delay_ns(thread_self());
		look.sleeps = own_sleeps();
	}
	ledger_look(&w->ledger, now, &look);
}

/* At another thread; `l` may be a copy. */
static void look_at(struct ledger *l, const struct thread *t, int64_t now, int64_t cpu)
{
	struct ledger_look look = {.cpu_ns = cpu, .sleeps = -1};
	look.full = wants_full(l, now, cpu);
	if (look.full) {
		look.delay_ns = delay_ns(t);
		look.asleep = thread_is_asleep(t);
	}
	ledger_look(l, now, &look);
}

/* ---- the thread that has the slot ---- */

void accounts_take_slot(struct thread *t)
{
	struct ledger_look look = {.full = true};
	look.delay_ns = delay_ns(t);
	look.sleeps = own_sleeps();
	int64_t now = clock_mono_ns();
	look.cpu_ns = clock_self_cpu_ns();
	ledger_take(&t->slot->ledger, t->index, now, &look);
}

static void look_if_due(struct worker *w, int64_t now)
{
	if (UNLIKELY(ledger_is_due(&w->ledger, now)))
		look_self(w, now);
}

void accounts_idle(struct worker *w, int64_t now_ns)
{
	if (load_relaxed(&w->ledger.state) == LEDGER_IDLE)
		return; /* woken for nothing */
	if (now_ns - load_relaxed(&w->ledger.looked_ns) >= IDLE_LOOK_NS)
		look_self(w, now_ns);
	ledger_move(&w->ledger, LEDGER_IDLE, NULL, now_ns);
}

void accounts_woken(struct worker *w, int64_t now_ns)
{
	/* It may have been found while it still searched. */
	if (load_relaxed(&w->ledger.state) == LEDGER_IDLE)
		ledger_wake(&w->ledger, load_relaxed(&w->woken_ns), now_ns);
}

void accounts_enter(struct worker *w, const struct service *s, int64_t now_ns)
{
	look_if_due(w, now_ns);
	ledger_move(&w->ledger, LEDGER_RUN, s, now_ns);
}

int64_t accounts_leave(struct worker *w, struct service *s, int64_t now_ns, int64_t *taken_ns)
{
	look_if_due(w, now_ns);
	struct ledger_run run = ledger_leave(&w->ledger, LEDGER_SCHED, now_ns);
	/* One writer at a time: the monitor writes it only while it takes the slot. */
	store_relaxed(&s->cpu_ns, load_relaxed(&s->cpu_ns) + run.used_ns);
	*taken_ns = run.taken_ns;
	return run.used_ns;
}

/* ---- slots that move ---- */

int64_t accounts_detach(struct worker *w, struct thread *t, struct service *s, int64_t now_ns)
{
	int64_t cpu = clock_cpu_ns(load_relaxed(&t->cpu_clock));
	look_at(&w->ledger, t, now_ns, cpu);
	struct ledger_run run = ledger_leave(&w->ledger, LEDGER_IDLE, now_ns);
	add_relaxed(&s->cpu_ns, run.used_ns);
	store_relaxed(&t->detached_cpu_ns, cpu);
	return run.used_ns;
}

int64_t accounts_detached_ns(struct thread *t)
{
	return clock_cpu_ns(load_relaxed(&t->cpu_clock)) - load_relaxed(&t->detached_cpu_ns);
}

int64_t accounts_leave_detached(struct thread *t, struct service *s)
{
	int64_t used = accounts_detached_ns(t);
	add_relaxed(&s->cpu_ns, used);
	add_relaxed(&accounts.detached_ns, used);
	return used;
}

void accounts_bury(struct service *s)
{
	add_relaxed(&accounts.ended_ns, load_relaxed(&s->cpu_ns));
}

/* ---- reading ---- */

/* The ledger as of the time returned, with what was lost until then when that is worth a look. */
static int64_t read_slot(struct worker *w, struct ledger *copy)
{
	int64_t now;
	for (int tries = 0; tries < 4; tries++) {
		ledger_copy(&w->ledger, copy);
		now = clock_mono_ns();
		int holder = load_relaxed(&copy->holder);
		if (load_relaxed(&copy->state) == LEDGER_IDLE || holder < 0 ||
		    !ledger_is_due(copy, now))
			return now;
		struct thread *t = thread_at(holder);
		uint32_t version = load_relaxed(&copy->version);
		int64_t cpu = clock_cpu_ns(load_relaxed(&t->cpu_clock));
		if (cpu >= 0) /* else it has ended */
			look_at(copy, t, now, cpu);
		if (ledger_version(&w->ledger) == version)
			return now;
	}
	/* It moves while we look: no long stretch, little can be lost. */
	ledger_copy(&w->ledger, copy);
	return clock_mono_ns();
}

static int64_t on_slot_ns(const struct service *s)
{
	for (int i = 0; i < sched.options.workers; i++) {
		struct worker *w = &sched.worker[i];
		struct ledger copy;
		if (load_relaxed(&w->ledger.who) != s)
			continue;
		int64_t now = read_slot(w, &copy);
		if (load_relaxed(&copy.who) == s)
			return ledger_run_ns(&copy, now);
	}
	return 0;
}

/* CPU since the hand-off of whoever runs without a slot; `s`: of this service only. */
static int64_t off_slot_ns(const struct service *s)
{
	int64_t sum = 0;
	for (int i = 0; i < thread_count(); i++) {
		struct thread *t = thread_at(i);
		uint64_t word = load_acquire(&t->run); /* pairs with worker_hand_off */
		if (run_state_of(word) != RUN_DETACHED || (s && load_relaxed(&t->cur) != s))
			continue;
		int64_t used = accounts_detached_ns(t);
		if (load_acquire(&t->run) == word)
			sum += used;
	}
	return sum;
}

int64_t accounts_running_ns(struct service *s)
{
	switch (load_relaxed(&s->status)) {
	case SERVICE_RUNNING:
		return on_slot_ns(s);
	case SERVICE_DETACHED:
		return off_slot_ns(s);
	default:
		return 0;
	}
}

int64_t accounts_cpu_ns(struct service *s)
{
	int64_t booked, cpu, shown = load_relaxed(&s->cpu_shown_ns);
	int tries = 0;
	do {
		booked = load_relaxed(&s->cpu_ns);
		cpu = booked + accounts_running_ns(s);
	} while (load_relaxed(&s->cpu_ns) != booked && ++tries < 4);
	/* A loss that is found later makes the figure smaller; who subtracts two of them shall not see that. */
	while (cpu > shown && !cas_weak_acq_rel(&s->cpu_shown_ns, &shown, cpu))
		;
	return cpu > shown ? cpu : shown;
}

static void add_columns(struct ledger_columns *sum, const struct ledger_columns *slot)
{
	sum->wall_ns += slot->wall_ns;
	sum->services_ns += slot->services_ns;
	sum->overhead_ns += slot->overhead_ns;
	sum->idle_ns += slot->idle_ns;
	sum->taken_ns += slot->taken_ns;
	sum->asleep_ns += slot->asleep_ns;
	sum->debt_ns += slot->debt_ns;
}

void accounts_read(struct accounts *out)
{
	*out = (struct accounts){
		.detached_ns = load_relaxed(&accounts.detached_ns) + off_slot_ns(NULL),
		.ended_ns = load_relaxed(&accounts.ended_ns),
	};
	for (int i = 0; i < sched.options.workers; i++) {
		struct ledger copy;
		struct ledger_columns slot;
		int64_t now = read_slot(&sched.worker[i], &copy);
		ledger_read(&copy, now, &slot);
		add_columns(&out->slots, &slot);
	}
}
