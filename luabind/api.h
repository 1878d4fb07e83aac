/* SPDX-License-Identifier: MIT
 *
 * The C module `skynet.core`, on which the Lua library (luabind/lua/) is built. Its functions run on the service's thread.
 */
#ifndef LUABIND_API_H
#define LUABIND_API_H

#include "core/base.h"
#include <lauxlib.h>

struct service;

/* Makes the table `skynet.core`; for package.preload. */
int api_open_core(lua_State *L);
/* Pushes what core.callback was given, or nil. Allocates nothing. */
void api_push_callback(lua_State *L);

/* CPU of the message that the service is at, its present run included. Any thread with a reference. In figures.c. */
int64_t message_cpu_ns(struct service *s);

/* Parts of skynet.core; the last entry has no name. luabind/figures.c: core.stat, core.services, core.service,
 * core.alive. */
const luaL_Reg *figures_functions(void);
/* luabind/schedapi.c: core.setsched, core.reload, core.interrupt, and what the launcher needs. */
const luaL_Reg *schedapi_functions(void);
/* luabind/sendapi.c: core.send, core.redirect, core.enqueue, core.withdraw. */
const luaL_Reg *sendapi_functions(void);
/* luabind/say.c: core.error, core.log_mark, core.traceback. */
const luaL_Reg *say_functions(void);
/* One line under the name of a service, of any length, in order with what that service has said itself (core.error).
 * Not for alerts: the logger may be the one that is stuck. Any thread that is not parked in here; raises nothing. */
void say_printf(uint32_t source, const char *fmt, ...) PRINTF(2, 3);
/* luabind/patience.c: core.calltimeout, core.deadlock. */
const luaL_Reg *patience_functions(void);
/* luabind/print.c: a print that writes whole lines at once and takes no lock. */
int print_line(lua_State *L);

/* The service behind an address argument (handle, ":hex", ".name", "NAME"); 0 when nobody has that name.
 * Raises for what is no address. */
uint32_t api_check_address(lua_State *L, int index);

/* The payload at `index`: a string is copied, a light userdata with its size behind it is taken over; NULL for nothing
 * or an empty string. HANDOVER: the caller owns it (mem_free), so nothing that raises may follow before it is given
 * on. Raises for what is no payload. */
void *api_check_payload(lua_State *L, int index, size_t *size_bytes);

#endif
