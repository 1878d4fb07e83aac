/* SPDX-License-Identifier: MIT */
#include "watchdog/errand.h"
#include "core/loop.h"
#include "core/mem.h"
#include "core/name.h"
#include "sched/sched.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 256 };

static struct {
	struct loop_async *bell; /* NULL: nobody runs errands */
	void (*batch)(struct settings *out);
	struct errand entry[ROOM];
	_Atomic uint64_t put;   /* the monitor's: entries handed over so far */
	_Atomic uint64_t taken; /* the loop's: entries that were run */
} errands;

/* ---- the loop thread ---- */

/* "KILLED 3 60000 1000\nname\n...": what the launcher needs to start it again, in ms. */
static void tell_launcher(struct service *s, const char *names)
{
	uint32_t launcher = name_find("launcher"), handle = service_handle(s);
	struct limits l;
	service_limits_of(s, &l);
	if (launcher == 0 || launcher == handle)
		return;
	size_t room = 96 + strlen(names);
	char *text = mem_alloc(room);
	int bytes = snprintf(text, room, "KILLED %d %lld %lld %s\n%s", (int)l.restart_max,
			     (long long)(l.within_ns / NS_PER_MS),
			     (long long)(l.backoff_ns / NS_PER_MS), s->name, names);
	sched_post(handle, launcher, MESSAGE_TEXT, 0, text, (size_t)bytes);
}

static void kill_it(struct service *s)
{
	char *names = name_list(service_handle(s)); /* before they are gone */
	if (sched_doom(s))
		tell_launcher(s, names);
	mem_free(names);
}

static void demote(struct service *s)
{
	struct settings batch = settings_preset[CLASS_BATCH];
	if (errands.batch)
		errands.batch(&batch);
	sched_demote(s, &batch);
}

static void run(const struct errand *e)
{
	struct service *s = load_relaxed(&sched.ending) ? NULL : service_grab(e->service);
	if (s == NULL)
		return;
	/* It may end in this moment: then it is late by so much. */
	bool same = load_acquire(&s->message_number) == e->message_number;
	if (e->kind == ERRAND_RESTORE)
		sched_restore(s);
	else if (same && e->kind == ERRAND_DEMOTE)
		demote(s);
	else if (same)
		kill_it(s);
	service_release(s);
}

static void run_all(void *unused)
{
	(void)unused;
	uint64_t taken = load_relaxed(&errands.taken);
	/* Acquires the entries that the monitor has released. */
	while (taken != load_acquire(&errands.put)) {
		run(&errands.entry[taken % ROOM]);
		/* Releases the entry, and what was done, to the monitor's acquire. */
		store_release(&errands.taken, ++taken);
	}
}

/* ---- the monitor ---- */

void errand_init(void (*batch)(struct settings *out))
{
	memset(&errands, 0, sizeof(errands));
	errands.batch = batch;
	errands.bell = loop_async_new(run_all, NULL);
}

bool errand_post(const struct errand *e, uint64_t *ticket)
{
	uint64_t put = load_relaxed(&errands.put);
	/* Acquires the entry that the loop has released. */
	if (errands.bell == NULL || put - load_acquire(&errands.taken) == ROOM)
		return false;
	errands.entry[put % ROOM] = *e;
	store_release(&errands.put, put + 1);
	if (ticket)
		*ticket = put + 1;
	loop_async_send(errands.bell);
	return true;
}

bool errand_is_done(uint64_t ticket)
{
	return load_acquire(&errands.taken) >= ticket;
}
