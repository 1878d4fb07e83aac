/* SPDX-License-Identifier: MIT
 *
 * The environment of the process: what skynet.getenv and skynet.setenv read and write. A name is
 * given a value once and for ever, as in skynet; nothing is replaced or removed before env_term, so
 * readers take no lock and may keep the pointers they get.
 */
#ifndef CORE_ENV_H
#define CORE_ENV_H

#include "core/base.h"

/* The value, or NULL when the name has none. The text stays valid until env_term. Any thread, also
 * a signal handler. */
const char *env_get(const char *key);

/* Gives `key` a value; both texts are copied. False: it has one already, which stays. When several
 * threads set the same name at a time, exactly one of them gets true. Any thread. */
bool env_set(const char *key, const char *value);

/* Calls `visit` for every name, in no particular order. Any thread; names set meanwhile may be
 * missed. */
void env_each(void (*visit)(const char *key, const char *value, void *context), void *context);

/* Forgets everything. Only when no other thread is left that could hold a pointer. */
void env_term(void);

#endif
