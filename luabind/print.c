/* SPDX-License-Identifier: MIT
 *
 * print without stdio: the line is put together first and leaves with one write(2), so it appears at once,
 * through a pipe too. A pipe takes more than 4 KB in pieces, hence a lock, so that lines of thousands of
 * services do not mix. No service is ever parked while it holds it (this is not parkable code); one that blocks
 * because the pipe is full loses its slot, and whoever prints then would have blocked on the pipe too.
 */
#include "core/log.h"
#include "luabind/api.h"

#include <errno.h>
#include <lauxlib.h>
#include <poll.h>
#include <unistd.h>

static void write_all(const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = write(STDOUT_FILENO, text, size);
		if (n > 0) {
			text += n;
			size -= (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			/* Somebody made the terminal non-blocking; waiting is what a write would do. */
			struct pollfd out = {STDOUT_FILENO, POLLOUT, 0};
			poll(&out, 1, -1);
		} else if (n == 0 || errno != EINTR) {
			return; /* as stdio's print: nobody looks */
		}
	}
}

int print_line(lua_State *L)
{
	int count = lua_gettop(L);
	luaL_Buffer line;
	lua_getglobal(L, "tostring");
	for (int i = 1; i <= count; i++) {
		lua_pushvalue(L, count + 1);
		lua_pushvalue(L, i);
		lua_call(L, 1, 1);
		if (!lua_isstring(L, -1))
			return luaL_error(L, "'tostring' must return a string to 'print'");
		lua_replace(L, i);
	}
	lua_pop(L, 1);
	luaL_buffinit(L, &line);
	for (int i = 1; i <= count; i++) {
		if (i > 1)
			luaL_addchar(&line, '\t');
		size_t size;
		const char *text = lua_tolstring(L, i, &size);
		luaL_addlstring(&line, text, size);
	}
	luaL_addchar(&line, '\n');
	luaL_pushresult(&line);
	size_t size;
	const char *text = lua_tolstring(L, -1, &size);
	log_order_take();
	write_all(text, size);
	log_order_release();
	return 0;
}
