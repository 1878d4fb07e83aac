/* SPDX-License-Identifier: MIT
 *
 * What a configuration says of one service, by its name. For each value, the first of these that there is:
 *
 *	1. the key in the first entry of `service` that matches the name
 *	2. the class that this entry names: its key in `class`, else the preset that ships
 *	3. the general value (`slice`, `weight`, `jit`, `memlimit`), which is for services without a class
 *
 * All of it may be called by any thread, for a conf that nobody changes meanwhile.
 */
#ifndef CONF_SETUP_H
#define CONF_SETUP_H

#include "conf/conf.h"
#include "luabind/luabind.h"

/* The first rule whose pattern matches the name, NULL when none does. Only the pattern's `*`, `?` and
 * `[...]` are special, never the name's. */
const struct conf_rule *setup_rule_for(const struct conf *c, const char *service_name);
/* The values of a class. */
void setup_preset(const struct conf *c, enum settings_class class, struct settings *out);
void setup_service(const struct conf *c, const char *service_name, struct vm_options *out);

#endif
