/* SPDX-License-Identifier: MIT
 *
 * The C module `skynet.core`, on which the Lua library (luabind/lua/) is built, and the globals that a
 * service's loader expects. Its functions run on the service's thread.
 */
#ifndef LUABIND_API_H
#define LUABIND_API_H

#include "core/base.h"
#include <lua.h>

struct service;

/* Registers skynet.core, print and what the loader needs. Inside a protected call. */
void api_open(lua_State *L);
/* Pushes the loader chunk (luabind/lua/loader.lua). Inside a protected call. */
void api_push_loader(lua_State *L);
/* Pushes what core.callback was given, or nil. Allocates nothing. */
void api_push_callback(lua_State *L);

/* luabind/figures.c: core.stat, core.services, core.service, core.alive. */
void figures_open(lua_State *L);
/* CPU of the message that the service is at, its present run included. Any thread with a reference. */
int64_t message_cpu_ns(struct service *s);
/* luabind/schedapi.c: core.setsched, core.reload, core.interrupt, and what the launcher needs. */
void schedapi_open(lua_State *L);
/* luabind/say.c: core.error, core.log_mark. */
void say_open(lua_State *L);
/* luabind/print.c: a print that writes whole lines at once and takes no lock. */
int print_line(lua_State *L);

/* The service behind an address argument (handle, ":hex", ".name", "NAME"); 0 when nobody has that name.
 * Raises for what is no address. */
uint32_t api_check_address(lua_State *L, int index);

#endif
