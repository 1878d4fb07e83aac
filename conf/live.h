/* SPDX-License-Identifier: MIT
 *
 * The configuration in force. It is replaced as a whole by a reload while any thread may be reading the one
 * before: who reads holds a reference, and whoever lets go of an old one last frees it.
 */
#ifndef CONF_LIVE_H
#define CONF_LIVE_H

#include "conf/conf.h"

/* Takes `conf`. Before any other thread asks. */
void live_init(struct conf *conf);
/* The one in force, until live_release. Any thread; takes a lock for a moment. */
struct live_conf *live_hold(void);
const struct conf *live_conf(const struct live_conf *held);
void live_release(struct live_conf *held);
/* Puts `conf` (taken) in force. Who calls live_hold afterwards gets it, and the old one goes when nobody
 * holds it any more. Any thread. */
void live_replace(struct conf *conf);
/* Frees what is in force; when no other thread asks any more. */
void live_term(void);

#endif
