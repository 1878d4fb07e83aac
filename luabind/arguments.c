/* SPDX-License-Identifier: MIT */
#include "luabind/arguments.h"

enum { ARGUMENTS = 5 };

void arguments_learn(lua_State *L, struct vm *vm)
{
	size_t height;
	if (rawtable_proven()) {
		const rawvalue *values = raw_stack(L, &height);
		vm->beside = values[height - 1];
	}
}

static void push_by_api(lua_State *L, int slot, const struct message *m)
{
	lua_pushvalue(L, slot);
	lua_pushinteger(L, m->type);
	if (m->data)
		lua_pushlightuserdata(L, m->data);
	else
		lua_pushnil(L);
	lua_pushinteger(L, (lua_Integer)m->size_bytes);
	lua_pushinteger(L, m->session);
	lua_pushinteger(L, m->source);
}

/* LuaJIT would look for the segment of the payload's address in a table. The VM comes from the same allocator and mostly lies in
 * the same segment of 512 GB, so its light userdata says it. */
void arguments_push(lua_State *L, struct vm *vm, int slot, const struct message *m)
{
	size_t height;
	if (UNLIKELY(!rawtable_proven() || !raw_has_room(L, 1 + ARGUMENTS) ||
		     (m->data && !raw_same_segment(m->data, vm)))) {
		push_by_api(L, slot, m);
		return;
	}
	raw_push(L, raw_stack(L, &height)[slot - 1]);
	raw_push(L, raw_of_number(m->type));
	raw_push(L, m->data ? raw_of_light(vm->beside, m->data) : RAW_NIL);
	raw_push(L, raw_of_number((double)m->size_bytes));
	raw_push(L, raw_of_number(m->session));
	raw_push(L, raw_of_number(m->source));
}
