/* SPDX-License-Identifier: MIT */
#include "luabind/trace.h"
#include "core/mem.h"
#include "core/stack.h"
#include "luabind/vm.h"

#include <lauxlib.h>
#include <string.h>

void trace_term(struct trace_map *map)
{
	mem_free(map->range);
	memset(map, 0, sizeof(*map));
}

const struct trace_range *trace_find(const struct trace_map *map, uintptr_t pc)
{
	for (int i = map->count - 1; i >= 0; i--)
		if (pc >= map->range[i].start && pc < map->range[i].end)
			return &map->range[i];
	return NULL;
}

size_t trace_code_bytes(const struct trace_map *map)
{
	size_t bytes = 0;
	for (int i = 0; i < map->count; i++)
		bytes += map->range[i].end - map->range[i].start;
	return bytes;
}

static const struct trace_range *by_number(const struct trace_map *map, int number)
{
	for (int i = map->count - 1; i >= 0; i--)
		if (map->range[i].number == number)
			return &map->range[i];
	return NULL;
}

/* "name:line". Not by snprintf: this runs deep in the VM, and libc would leave words behind that keep the service
 * from being parked (see stack_scrub). */
static void put_place(char *out, const char *name, int line)
{
	char digits[12];
	size_t at = sizeof(digits), length = strlen(name);
	do {
		digits[--at] = (char)('0' + line % 10);
		line /= 10;
	} while (line > 0);
	memcpy(out, name, length);
	out[length] = ':';
	memcpy(out + length + 1, digits + at, sizeof(digits) - at);
	out[length + 1 + sizeof(digits) - at] = '\0';
}

/* The end of a path that is too long for the record. */
static const char *file_tail(const char *path)
{
	enum { LINE_BYTES = 14 };
	size_t length = strlen(path), room = sizeof(((struct trace_map *)0)->where) - LINE_BYTES;
	return length <= room ? path : path + length - room;
}

enum { UPVALUE_UTIL = 1 };

/* Pushes a function of jit.util, which is opened when the VM compiles for the first time, since most never do. Not by
 * `require`, which the service may have replaced. */
static void push_util(lua_State *L, const char *name)
{
	lua_pushvalue(L, lua_upvalueindex(UPVALUE_UTIL));
	if (lua_isfunction(L, -1)) {
		lua_pushliteral(L, "jit.util");
		lua_call(L, 1, 1);
		lua_pushvalue(L, -1);
		lua_replace(L, lua_upvalueindex(UPVALUE_UTIL));
		stack_scrub(); /* the allocator may have been called: see put_place */
	}
	lua_getfield(L, -1, name);
	lua_remove(L, -2);
}

/* ("start", number, function, pc, parent or nil, exit or nil) */
static void on_start(lua_State *L, struct vm *vm)
{
	struct trace_map *map = &vm->traces;
	mcode_starting(L, vm);
	map->recording = (int)lua_tointeger(L, 2);
	map->parent = (int)lua_tointeger(L, 5);
	/* A side trace belongs to the loop whose root it leaves. */
	const struct trace_range *parent = map->parent ? by_number(map, map->parent) : NULL;
	if (parent) {
		memcpy(map->where, parent->where, sizeof(map->where));
		return;
	}
	push_util(L, "funcinfo");
	lua_pushvalue(L, 3);
	lua_pushvalue(L, 4);
	lua_call(L, 2, 1);
	lua_getfield(L, -1, "source");
	lua_getfield(L, -2, "currentline");
	const char *source = lua_tostring(L, -2);
	/* As in a traceback: a file by its path; a text is not shown. */
	bool file = source && source[0] == '@';
	put_place(map->where, file ? file_tail(source + 1) : "[string]", (int)lua_tointeger(L, -1));
	lua_pop(L, 3);
}

static struct trace_range *new_range(struct trace_map *map)
{
	if (map->count == map->room) {
		map->room = map->room ? map->room * 2 : 16;
		map->range = mem_realloc(map->range, (size_t)map->room * sizeof(map->range[0]));
	}
	return &map->range[map->count++];
}

/* ("stop", number, ...). jit.util.tracemc gives the code as a string, and its address. */
static void on_stop(lua_State *L, struct vm *vm)
{
	struct trace_map *map = &vm->traces;
	int number = (int)lua_tointeger(L, 2);
	push_util(L, "tracemc");
	lua_pushinteger(L, number);
	lua_call(L, 1, 2);
	size_t bytes = 0;
	if (lua_tolstring(L, -2, &bytes) && number == map->recording) {
		struct trace_range *r = new_range(map);
		r->start = (uintptr_t)(intptr_t)lua_tonumber(L, -1);
		r->end = r->start + bytes;
		r->number = number;
		memcpy(r->where, map->where, sizeof(r->where));
		map->compiled++;
	}
	lua_pop(L, 2);
	mcode_compiled(L, vm);
}

static void on_flush(lua_State *L, struct vm *vm)
{
	vm->traces.count = 0;
	mcode_flushed(L, vm);
}

/* Upvalue: what opens jit.util, and later jit.util itself. Called by the compiler; an error here would only be
 * printed by LuaJIT, so nothing is raised on purpose. */
static int on_trace(lua_State *L)
{
	struct vm *vm = vm_of(L);
	const char *what = lua_tostring(L, 1);
	if (vm == NULL || what == NULL) /* none: it is being made */
		return 0;
	if (strcmp(what, "start") == 0)
		on_start(L, vm);
	else if (strcmp(what, "stop") == 0)
		on_stop(L, vm);
	else if (strcmp(what, "abort") == 0)
		mcode_aborted(L, vm, (int)lua_tointeger(L, 5)); /* 0: an error raised by Lua */
	else if (strcmp(what, "flush") == 0)
		on_flush(L, vm);
	return 0;
}

void trace_attach(lua_State *L)
{
	lua_getglobal(L, "jit");
	lua_getfield(L, -1, "attach");
	lua_getglobal(L, "package");
	lua_getfield(L, -1, "preload");
	lua_getfield(L, -1, "jit.util");
	lua_replace(L, -3);
	lua_pop(L, 1);
	lua_pushcclosure(L, on_trace, 1);
	lua_pushliteral(L, "trace");
	lua_call(L, 2, 0);
	lua_pop(L, 1);
}
