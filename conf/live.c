/* SPDX-License-Identifier: MIT */
#include "conf/live.h"
#include "core/lock.h"
#include "core/mem.h"

struct live_conf {
	struct conf *conf; /* owned, constant */
	int references;    /* the lock's; one is that of being in force */
};

/* A lock and not an atomic pointer: taking a reference from a pointer that may be freed in between needs
 * both in one step. It is held for a few instructions, a few times per launch of a service. */
static struct {
	struct lock lock;
	struct live_conf *now;
} live;

static struct live_conf *new_live(struct conf *conf)
{
	struct live_conf *c = mem_alloc(sizeof(*c));
	*c = (struct live_conf){conf, 1};
	return c;
}

void live_init(struct conf *conf)
{
	lock_init(&live.lock);
	live.now = new_live(conf);
}

struct live_conf *live_hold(void)
{
	lock_take(&live.lock);
	struct live_conf *c = live.now;
	c->references++;
	lock_release(&live.lock);
	return c;
}

const struct conf *live_conf(const struct live_conf *held)
{
	return held->conf;
}

void live_release(struct live_conf *held)
{
	lock_take(&live.lock);
	bool last = --held->references == 0;
	lock_release(&live.lock);
	if (!last)
		return;
	conf_free(held->conf);
	mem_free(held);
}

void live_replace(struct conf *conf)
{
	struct live_conf *fresh = new_live(conf);
	lock_take(&live.lock);
	struct live_conf *old = live.now;
	live.now = fresh;
	lock_release(&live.lock);
	live_release(old);
}

void live_term(void)
{
	live_release(live.now);
	live.now = NULL;
}
