/* SPDX-License-Identifier: MIT */
#include "sched/ledger.h"

#include <sched.h>
#include <string.h>

/* One writer at a time: no read-modify-write is needed. Release, after the odd version: a reader that sees
 * the new value (acquire in ledger_copy) sees that the version is not what it was. */
static void put(ledger_ns *field, int64_t value)
{
	store_release(field, value);
}

static void grow(ledger_ns *field, int64_t by)
{
	store_release(field, load_relaxed(field) + by);
}

static void begin(struct ledger *l)
{
	store_relaxed(&l->version, load_relaxed(&l->version) + 1);
}

static void end(struct ledger *l)
{
	store_release(&l->version, load_relaxed(&l->version) + 1);
}

/* Row: from; bit: to. */
/* UNUSED: release builds do not look. */
static const uint8_t allowed[LEDGER_STATES] UNUSED = {
	[LEDGER_IDLE] = 1 << LEDGER_SCHED,
	[LEDGER_SCHED] = 1 << LEDGER_RUN | 1 << LEDGER_IDLE,
	[LEDGER_RUN] = 1 << LEDGER_SCHED | 1 << LEDGER_IDLE,
};

static int64_t at_most(int64_t a, int64_t limit)
{
	return a < limit ? a : limit;
}

static int64_t at_least(int64_t a, int64_t limit)
{
	return a > limit ? a : limit;
}

void ledger_open(struct ledger *l, int64_t now_ns)
{
	memset(l, 0, sizeof(*l));
	store_relaxed(&l->state, LEDGER_IDLE);
	store_relaxed(&l->holder, -1);
	put(&l->opened_ns, now_ns);
	put(&l->since_ns, now_ns);
	put(&l->looked_ns, now_ns);
	put(&l->full_ns, now_ns);
}

/* ---- looks ---- */

/* Of the present stretch, what no look has seen. */
static int64_t open_ns(const struct ledger *l, int64_t now_ns)
{
	int64_t from = at_least(load_relaxed(&l->since_ns), load_relaxed(&l->looked_ns));
	return load_relaxed(&l->state) == LEDGER_IDLE ? 0 : now_ns - from;
}

int64_t ledger_lost_ns(const struct ledger *l, int64_t now_ns, int64_t cpu_ns)
{
	return load_relaxed(&l->busy_ns) + open_ns(l, now_ns) - (cpu_ns - load_relaxed(&l->cpu_ns));
}

/* How much of `lost` in the present run the service slept. */
static int64_t asleep_of(const struct ledger *l, int64_t lost, const struct ledger_look *look)
{
	if (load_relaxed(&l->state) != LEDGER_RUN || !look->full)
		return 0;
	if (look->sleeps < 0 ? !look->asleep : look->sleeps <= load_relaxed(&l->sleeps))
		return 0;
	if (look->delay_ns < 0)
		return lost;
	int64_t delay =
		look->delay_ns - load_relaxed(&l->delay_ns) - load_relaxed(&l->explained_ns);
	return lost - at_most(at_least(delay, 0), lost);
}

static void note_look(struct ledger *l, int64_t now_ns, const struct ledger_look *look)
{
	put(&l->looked_ns, now_ns);
	put(&l->cpu_ns, look->cpu_ns);
	put(&l->busy_ns, 0);
	put(&l->busy_run_ns, 0);
	if (!look->full)
		return;
	put(&l->full_ns, now_ns);
	put(&l->delay_ns, at_least(look->delay_ns, 0));
	put(&l->explained_ns, 0);
	if (look->sleeps >= 0)
		put(&l->sleeps, look->sleeps);
}

/* More CPU than work: the way into the futex and out of it. */
static void book_sleep_cost(struct ledger *l, int64_t cost)
{
	int64_t room = load_relaxed(&l->wall_ns[LEDGER_IDLE]) -
		       load_relaxed(&l->taken_ns[LEDGER_IDLE]) - load_relaxed(&l->sleep_cost_ns);
	grow(&l->sleep_cost_ns, at_most(cost, at_least(room, 0)));
}

static void book_loss(struct ledger *l, int64_t lost, int64_t open, const struct ledger_look *look)
{
	int64_t mine = at_most(lost, open), others = lost - mine;
	int64_t asleep = asleep_of(l, mine, look), busy = load_relaxed(&l->busy_ns);
	int64_t runs = 0;
	others = at_most(others, busy);
	if (others > 0)
		runs = (int64_t)((double)others * (double)load_relaxed(&l->busy_run_ns) /
				 (double)busy);
	grow(&l->here_taken_ns, mine - asleep);
	grow(&l->here_asleep_ns, asleep);
	grow(&l->asleep_ns, asleep);
	grow(&l->taken_ns[load_relaxed(&l->state)], mine - asleep);
	grow(&l->taken_ns[LEDGER_RUN], runs);
	grow(&l->taken_ns[LEDGER_SCHED], others - runs);
	grow(&l->debt_ns, runs);
	grow(&l->explained_ns, lost - asleep);
}

void ledger_look(struct ledger *l, int64_t now_ns, const struct ledger_look *look)
{
	int64_t lost = ledger_lost_ns(l, now_ns, look->cpu_ns);
	begin(l);
	if (lost > 0)
		book_loss(l, lost, open_ns(l, now_ns), look);
	else
		book_sleep_cost(l, -lost);
	note_look(l, now_ns, look);
	end(l);
}

/* ---- moves ---- */

static void go(struct ledger *l, enum ledger_state to, const void *who, int64_t now_ns)
{
	int from = load_relaxed(&l->state);
	debug_ensure(allowed[from] & 1 << to);
	int64_t open = open_ns(l, now_ns);
	grow(&l->wall_ns[from], now_ns - load_relaxed(&l->since_ns));
	grow(&l->busy_ns, open);
	if (from == LEDGER_RUN)
		grow(&l->busy_run_ns, open);
	store_release(&l->state, (int)to);
	store_release(&l->who, who);
	put(&l->since_ns, now_ns);
	put(&l->here_taken_ns, 0);
	put(&l->here_asleep_ns, 0);
}

void ledger_move(struct ledger *l, enum ledger_state to, const void *who, int64_t now_ns)
{
	begin(l);
	go(l, to, who, now_ns);
	end(l);
}

static void book_late(struct ledger *l, int64_t woken_ns, int64_t now_ns)
{
	int64_t late = now_ns - at_least(woken_ns, load_relaxed(&l->since_ns));
	grow(&l->explained_ns, at_least(late, 0));
	if (late >= LEDGER_LONG_NS)
		grow(&l->taken_ns[LEDGER_IDLE], late);
}

void ledger_wake(struct ledger *l, int64_t woken_ns, int64_t now_ns)
{
	begin(l);
	book_late(l, woken_ns, now_ns);
	grow(&l->sleeps, 1);
	go(l, LEDGER_SCHED, NULL, now_ns);
	end(l);
}

void ledger_take(struct ledger *l, int holder, int64_t now_ns, const struct ledger_look *look)
{
	begin(l);
	book_late(l, load_relaxed(&l->since_ns), now_ns);
	note_look(l, now_ns, look);
	store_release(&l->holder, holder);
	go(l, LEDGER_SCHED, NULL, now_ns);
	end(l);
}

/* The bill of the present run; `paid`: what it contributes to the debt. */
static int64_t bill_ns(const struct ledger *l, int64_t now_ns, int64_t *paid)
{
	int64_t used = now_ns - load_relaxed(&l->since_ns) - load_relaxed(&l->here_taken_ns) -
		       load_relaxed(&l->here_asleep_ns);
	*paid = at_most(load_relaxed(&l->debt_ns), at_least(used, 0));
	return used - *paid;
}

struct ledger_run ledger_leave(struct ledger *l, enum ledger_state to, int64_t now_ns)
{
	debug_ensure(load_relaxed(&l->state) == LEDGER_RUN);
	struct ledger_run run = {.taken_ns = load_relaxed(&l->here_taken_ns)};
	int64_t paid;
	run.used_ns = bill_ns(l, now_ns, &paid);
	begin(l);
	grow(&l->debt_ns, -paid);
	if (to == LEDGER_IDLE)
		store_release(&l->holder, -1);
	go(l, to, NULL, now_ns);
	end(l);
	return run;
}

/* ---- reading ---- */

#define COPY(field) store_relaxed(&to->field, load_acquire(&from->field))

static void copy_fields(struct ledger *from, struct ledger *to)
{
	COPY(state);
	COPY(who);
	COPY(holder);
	COPY(opened_ns);
	COPY(since_ns);
	for (int i = 0; i < LEDGER_STATES; i++) {
		COPY(wall_ns[i]);
		COPY(taken_ns[i]);
	}
	COPY(asleep_ns);
	COPY(sleep_cost_ns);
	COPY(here_taken_ns);
	COPY(here_asleep_ns);
	COPY(debt_ns);
	COPY(looked_ns);
	COPY(cpu_ns);
	COPY(busy_ns);
	COPY(busy_run_ns);
	COPY(full_ns);
	COPY(delay_ns);
	COPY(sleeps);
	COPY(explained_ns);
}

void ledger_copy(struct ledger *from, struct ledger *to)
{
	for (int tries = 1;; tries++) {
		uint32_t version = load_acquire(&from->version);
		store_relaxed(&to->version, version);
		if ((version & 1) == 0) {
			copy_fields(from, to);
			if (ledger_version(from) == version)
				return;
		}
		/* The kernel may have stopped the writer in the middle. */
		if (tries % 64 == 0)
			sched_yield();
	}
}

void ledger_read(const struct ledger *l, int64_t now_ns, struct ledger_columns *out)
{
	int64_t wall[LEDGER_STATES], taken = 0;
	for (int i = 0; i < LEDGER_STATES; i++) {
		wall[i] = load_relaxed(&l->wall_ns[i]) - load_relaxed(&l->taken_ns[i]);
		taken += load_relaxed(&l->taken_ns[i]);
	}
	wall[load_relaxed(&l->state)] += now_ns - load_relaxed(&l->since_ns);
	int64_t asleep = load_relaxed(&l->asleep_ns), cost = load_relaxed(&l->sleep_cost_ns);
	*out = (struct ledger_columns){
		.wall_ns = now_ns - load_relaxed(&l->opened_ns),
		.services_ns = wall[LEDGER_RUN] - asleep,
		.overhead_ns = wall[LEDGER_SCHED] + cost,
		.idle_ns = wall[LEDGER_IDLE] - cost + asleep,
		.taken_ns = taken,
		.asleep_ns = asleep,
		.debt_ns = load_relaxed(&l->debt_ns),
	};
}

int64_t ledger_run_ns(const struct ledger *l, int64_t now_ns)
{
	int64_t paid;
	return bill_ns(l, now_ns, &paid);
}
