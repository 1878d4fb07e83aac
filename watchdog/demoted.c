/* SPDX-License-Identifier: MIT
 *
 *	                   posted         done, and it is        `restore` without         done
 *	FREE --> DEMOTING ---------------> DEMOTED ------------> RESTORING -------------------> FREE
 *	            | done, and it is not: the message had ended      ^  no room: again 10 ms later
 *	            +--> FREE                                         |
 *	any --> FREE: the service is gone                  (its settings are back, a line says so)
 */
#include "watchdog/demoted.h"
#include "core/clock.h"
#include "sched/sched.h"
#include "watchdog/action.h"
#include "watchdog/errand.h"
#include "watchdog/rule.h"

#include <stdio.h>
#include <string.h>

enum { DEMOTED_MAX = 256 };

static const int64_t RETRY_NS = 10 * NS_PER_MS;

enum state { FREE, DEMOTING, DEMOTED, RESTORING };

struct demoted {
	enum state state;
	uint32_t handle;
	uint64_t ticket;
	int64_t bad_ns; /* when it last misbehaved */
	int64_t cpu_ns; /* of the message for which it is */
	char name[sizeof(((struct service *)0)->name)];
	char place[sizeof(((struct evidence *)0)->place)];
};

static struct {
	int64_t restore_ns;
	struct demoted one[DEMOTED_MAX];
	int count; /* in use: [0, count) may hold free ones */
} demoted;

void demoted_init(int64_t restore_ns)
{
	memset(&demoted, 0, sizeof(demoted));
	demoted.restore_ns = restore_ns;
}

static struct demoted *find(uint32_t handle)
{
	for (int i = 0; i < demoted.count; i++)
		if (demoted.one[i].state != FREE && demoted.one[i].handle == handle)
			return &demoted.one[i];
	return NULL;
}

static struct demoted *make(void)
{
	for (int i = 0; i < DEMOTED_MAX; i++) {
		if (demoted.one[i].state != FREE)
			continue;
		if (i >= demoted.count)
			demoted.count = i + 1;
		return &demoted.one[i];
	}
	return NULL;
}

bool demoted_begin(uint32_t handle, const char *name, uint64_t message_number, int64_t cpu_ns,
		   const char *place, int64_t now_ns)
{
	struct errand e = {ERRAND_DEMOTE, handle, message_number};
	struct demoted *d = find(handle) ? NULL : make();
	if (d == NULL || !errand_post(&e, &d->ticket))
		return false;
	d->state = DEMOTING;
	d->handle = handle;
	d->bad_ns = now_ns;
	d->cpu_ns = cpu_ns;
	snprintf(d->name, sizeof(d->name), "%s", name);
	snprintf(d->place, sizeof(d->place), "%s", place);
	return true;
}

void demoted_misbehaves(uint32_t handle, int64_t now_ns)
{
	struct demoted *d = find(handle);
	if (d)
		d->bad_ns = now_ns;
}

static void say_demoted(const struct demoted *d)
{
	char after[32], text[96];
	rule_format(RULE_UNIT_NS, demoted.restore_ns, after, sizeof(after));
	snprintf(text, sizeof(text), "demoted to class batch until it has behaved for %s", after);
	action_write(&(struct action){.kind = ACTION_DEMOTE,
				      .service = d->handle,
				      .name = d->name,
				      .is_error = true,
				      .cpu_ns = d->cpu_ns,
				      .place = d->place,
				      .text = text});
}

static void say_restored(const struct demoted *d)
{
	action_write(&(struct action){.kind = ACTION_RESTORE,
				      .service = d->handle,
				      .name = d->name,
				      .text = "it has behaved: its settings are back"});
}

static int64_t restore(struct demoted *d, int64_t now)
{
	struct errand e = {ERRAND_RESTORE, d->handle, 0};
	int64_t due = d->bad_ns + demoted.restore_ns;
	if (now < due)
		return due;
	if (errand_post(&e, &d->ticket))
		d->state = RESTORING;
	return now + RETRY_NS;
}

/* One look at one. Returns when the next is due. */
static int64_t tend(struct demoted *d, int64_t now)
{
	struct service *s = service_peek(d->handle);
	bool done = errand_is_done(d->ticket);
	bool is_demoted = s && load_relaxed(&s->demoted);
	if (s == NULL || service_handle(s) != d->handle) {
		d->state = FREE;
	} else if (d->state == DEMOTED) {
		return restore(d, now);
	} else if (!done) {
		return now + RETRY_NS;
	} else if (d->state == RESTORING) {
		say_restored(d);
		d->state = FREE;
	} else {
		d->state = is_demoted ? DEMOTED : FREE;
		if (is_demoted)
			say_demoted(d);
	}
	return d->state == FREE ? INT64_MAX : now + RETRY_NS;
}

int64_t demoted_pass(int64_t now_ns)
{
	int64_t next = INT64_MAX;
	for (int i = 0; i < demoted.count; i++) {
		if (demoted.one[i].state == FREE)
			continue;
		int64_t at = tend(&demoted.one[i], now_ns);
		next = at < next ? at : next;
	}
	return next;
}
