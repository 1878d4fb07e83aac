/* SPDX-License-Identifier: MIT
 *
 * What a service says to the log, and what is said under its name (LAUNCH, KILL, errors of its handlers): to the logger
 * service, so that lines of one service stay in order with its other messages, and reach a logger of the user's; straight
 * to the log when there is none.
 */
#include "core/log.h"
#include "core/log_queue.h"
#include "core/mem.h"
#include "core/name.h"
#include "luabind/api.h"
#include "luabind/vm.h"
#include "sched/sched.h"

#include <lauxlib.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void write_straight(uint32_t source, const char *text, size_t size_bytes)
{
	log_order_take();
	log_write(source, text, size_bytes);
	log_order_release();
}

static bool post(struct service *logger, uint32_t source, const char *text, size_t size_bytes)
{
	void *copy = size_bytes ? memcpy(mem_alloc(size_bytes), text, size_bytes) : NULL;
	return sched_post(source, service_handle(logger), MESSAGE_TEXT, 0, copy, size_bytes);
}

/* Lines of others and of ours have been dropped: before the next one that is not, if the logger does not say it. */
static void say_dropped(struct service *logger)
{
	char text[LOG_QUEUE_TEXT_BYTES];
	uint64_t dropped = log_queue_take_dropped(false);
	size_t size_bytes = dropped ? log_queue_text(dropped, text) : 0;
	if (dropped && (!log_queue_enter(size_bytes, 0) || !post(logger, 0, text, size_bytes)))
		write_straight(0, text, size_bytes);
}

/* `logger` may be NULL. */
static void say(struct service *logger, uint32_t source, const char *text, size_t size_bytes)
{
	if (logger == NULL) {
		write_straight(source, text, size_bytes);
	} else if (log_queue_enter(size_bytes, mailbox_length(&logger->mailbox))) {
		say_dropped(logger);
		if (!post(logger, source, text, size_bytes)) {
			log_queue_left(size_bytes);
			write_straight(source, text, size_bytes);
		}
	}
}

static int core_error(lua_State *L)
{
	size_t size_bytes;
	const char *text = luaL_checklstring(L, 1, &size_bytes);
	struct service *logger = service_grab(name_find("logger"));
	say(logger, service_handle(vm_of(L)->service), text, size_bytes);
	if (logger)
		service_release(logger);
	return 0;
}

void say_printf(uint32_t source, const char *fmt, ...)
{
	va_list args, again;
	va_start(args, fmt);
	va_copy(again, args);
	size_t size_bytes = (size_t)vsnprintf(NULL, 0, fmt, args);
	char *text = mem_alloc(size_bytes + 1);
	vsnprintf(text, size_bytes + 1, fmt, again);
	va_end(again);
	va_end(args);
	struct service *logger = service_grab(name_find("logger"));
	/* What the logger itself does wrong it would be told for ever. And one that has nothing to do is not woken, which would cost as
	 * much as half a start of a service: the line is in order without it. */
	bool its_own = logger && service_handle(logger) == source;
	say(its_own || log_queue_is_empty() ? NULL : logger, source, text, size_bytes);
	if (logger)
		service_release(logger);
	mem_free(text);
}

/* (level) -> what stands before the text of such a line; nothing: it is not wanted */
static int core_log_mark(lua_State *L)
{
	int level = log_level_of(luaL_checkstring(L, 1));
	if (level < 0)
		return luaL_argerror(L, 1, "\"debug\", \"info\", \"warn\" or \"error\" expected");
	if (!log_wants((enum log_level)level))
		return 0;
	lua_pushstring(L, log_level_mark((enum log_level)level));
	return 1;
}

/* ([coroutine,] text) -> the text with the traceback of the coroutine, or of whoever calls; what is no text: as it is. As
 * debug.traceback, which would open the library debug in each VM. Also the handler of an xpcall. */
static int core_traceback(lua_State *L)
{
	lua_State *of = lua_tothread(L, 1);
	int text = of ? 2 : 1;
	lua_settop(L, text);
	if (lua_isstring(L, text) || lua_isnil(L, text))
		luaL_traceback(L, of ? of : L, lua_tostring(L, text), of ? 0 : 1);
	return 1;
}

const luaL_Reg *say_functions(void)
{
	static const luaL_Reg functions[] = {{"error", core_error},
					     {"log_mark", core_log_mark},
					     {"traceback", core_traceback},
					     {NULL, NULL}};
	return functions;
}
