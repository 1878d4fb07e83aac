/* SPDX-License-Identifier: MIT
 *
 * What a service sends, and what it learns of it. Each of these functions owns the payload from api_check_payload on until the
 * message owns it, and raises nothing in between.
 */
#include "core/log.h"
#include "core/mem.h"
#include "luabind/api.h"
#include "luabind/rawtable.h"
#include "luabind/seri.h"
#include "luabind/vm.h"
#include "sched/sched.h"

#include <lauxlib.h>
#include <string.h>

/* skynet's own limit for a message. */
#define MESSAGE_BYTES_MAX ((size_t)1 << 56)

/* The payload at `index`: a string is copied, a light userdata with a size is taken over. */
void *api_check_payload(lua_State *L, int index, size_t *size_bytes)
{
	*size_bytes = 0;
	switch (lua_type(L, index)) {
	case LUA_TNONE:
	case LUA_TNIL:
		return NULL;
	case LUA_TSTRING: {
		const char *text = lua_tolstring(L, index, size_bytes);
		if (*size_bytes == 0)
			return NULL;
		return memcpy(mem_alloc(*size_bytes), text, *size_bytes);
	}
	case LUA_TLIGHTUSERDATA:
		*size_bytes = (size_t)luaL_checknumber(L, index + 1);
		return lua_touserdata(L, index);
	default:
		luaL_error(L, "invalid param %s", luaL_typename(L, index));
		return NULL;
	}
}

/* Pushes what the sender learns: the session; the session and "dropped", when this message (only of one that wants no
 * answer) or an older one was dropped; nil: nobody is there; false and why: it did not get in. */
static int push_sent(lua_State *L, enum sched_sent sent, int32_t session)
{
	bool dropped = sent == SENT_FOR_OLD || (sent == SENT_DROPPED && session == 0);
	if (sent == SENT_TO_NOBODY) {
		lua_pushnil(L);
		return 1;
	}
	if (sent == SENT_REJECTED || (sent == SENT_DROPPED && session != 0)) {
		lua_pushboolean(L, false);
		lua_pushliteral(L, SCHED_WHY_FULL);
		return 2;
	}
	lua_pushinteger(L, session);
	if (dropped)
		lua_pushliteral(L, "dropped");
	return dropped ? 2 : 1;
}

static int push_and_drop(lua_State *L)
{
	lua_pushlightuserdata(L, lua_touserdata(L, 1));
	return 0;
}

/* It has to wait for a place, which is not ours to decide: false, nil and the payload, that is the caller's again.
 * Raises only before the payload leaves the message: LuaJIT may have to allocate for an address that it has not met yet. */
static int push_back(lua_State *L, struct message *m)
{
	if (lua_cpcall(L, push_and_drop, m->data) != 0) {
		message_free(m);
		return lua_error(L);
	}
	lua_pushboolean(L, false);
	lua_pushnil(L);
	lua_pushnumber(L, (lua_Number)m->size_bytes);
	lua_pushlightuserdata(L, message_take_data(m)); /* HANDOVER */
	lua_insert(L, -2);
	message_free(m);
	return 4;
}

static bool is_too_large(struct service *s, uint32_t dest, size_t size_bytes)
{
	if (LIKELY(size_bytes < MESSAGE_BYTES_MAX))
		return false;
	log_printf(service_handle(s), "error: The message to %x is too large", dest);
	return true;
}

/* What a send that was refused leaves to do, when it was to pass a request on: somebody waits for the answer. */
static void refuse_passed(uint32_t dest, uint32_t source, int32_t session, enum sched_sent sent)
{
	if (sent == SENT_REJECTED || sent == SENT_DROPPED)
		sched_answer_why(dest, source, session, SCHED_WHY_FULL);
	else if (sent == SENT_TO_NOBODY)
		sched_answer_why(dest, source, session, SCHED_WHY_ENDED);
}

static int check_type(lua_State *L, int index)
{
	lua_Integer type = luaL_checkinteger(L, index);
	luaL_argcheck(L, type >= 0 && type <= 255, index, "message type out of range 0..255");
	return (int)type;
}

/* Owns `m`. Pushes what the sender learns. */
static int send_message(lua_State *L, struct service *s, uint32_t dest, struct message *m)
{
	int32_t session = m->session;
	if (is_too_large(s, dest, m->size_bytes)) {
		message_free(m);
		lua_pushboolean(L, false);
		return 1;
	}
	if (m->type == MESSAGE_RESPONSE || m->type == MESSAGE_ERROR)
		requests_forget(&s->open, dest, session);
	enum sched_sent sent = sched_offer(dest, m);
	/* Whoever sends a request waits for its answer anyway. */
	if (sent == SENT_MUST_WAIT && session != 0)
		sent = sched_send_waiting(dest, m, m->source, session, false);
	return sent == SENT_MUST_WAIT ? push_back(L, m) : push_sent(L, sent, session);
}

/* (address, type, session|nil, payload [, size]) */
static int core_send(lua_State *L)
{
	struct service *s = vm_of(L)->service;
	uint32_t dest = api_check_address(L, 1);
	int type = check_type(L, 2);
	int32_t session =
		lua_isnil(L, 3) ? service_new_session(s) : (int32_t)luaL_checkinteger(L, 3);
	size_t size_bytes;
	void *data = api_check_payload(L, 4, &size_bytes);
	return send_message(L, s, dest,
			    message_new(service_handle(s), type, session, data, size_bytes));
}

/* What core.post knows before it packs. */
struct outgoing {
	uint32_t dest;
	int type;
	int32_t session;
	bool is_request; /* gets a session of its own once it is packed */
};

/* Three numbers, or two and nil, as nearly always? Then check_outgoing would say the same, in more time. */
static PARKABLE inline bool is_outgoing(lua_State *L, struct outgoing *o)
{
	size_t count;
	if (UNLIKELY(!rawtable_proven()))
		return false;
	const rawvalue *values = raw_stack(L, &count);
	if (count < 3 || !raw_is_number(values[0]) || !raw_is_number(values[1]))
		return false;
	o->is_request = values[2] == RAW_NIL;
	if (!o->is_request && !raw_is_number(values[2]))
		return false;
	double dest = raw_number(values[0]), type = raw_number(values[1]);
	double session = o->is_request ? 0 : raw_number(values[2]);
	if (!(dest >= 1 && dest <= UINT32_MAX && type >= 0 && type <= UINT8_MAX &&
	      session >= 0 && session <= INT32_MAX))
		return false;
	o->dest = (uint32_t)dest;
	o->type = (int)type;
	o->session = (int32_t)session;
	return o->dest == dest; /* else a fraction, which is refused by the way with the errors */
}

/* Not inlined into what is parkable. */
static NOINLINE void check_outgoing(lua_State *L, struct outgoing *o)
{
	o->dest = api_check_address(L, 1);
	o->type = check_type(L, 2);
	o->is_request = lua_isnil(L, 3);
	o->session = o->is_request ? 0 : (int32_t)luaL_checkinteger(L, 3);
}

static int send_packed(lua_State *L, void *outgoing, const void *bytes, size_t size_bytes, void *block)
{
	const struct outgoing *o = outgoing;
	struct service *s = vm_of(L)->service;
	int32_t session = o->is_request ? service_new_session(s) : o->session;
	uint32_t self = service_handle(s);
	struct message *m = block ? message_new(self, o->type, session, block, size_bytes)
				  : message_new_copy(self, o->type, session, bytes, size_bytes);
	int results = send_message(L, s, o->dest, m);
	if (!o->is_request || lua_type(L, -results) != LUA_TNUMBER)
		return results;
	lua_settop(L, -results); /* the session: an older message that was dropped is of no interest */
	lua_pushnumber(L, o->dest);
	return 2;
}

/* (address, type, session|nil, ...): what core.send(address, type, session, core.pack(...)) does, but there is no moment in
 * which the payload is nobody's. A request that is on its way gives its session and the receiver's handle; 0: nothing was sent,
 * since the caller could not wait for the answer. PARKABLE, since packing may take long. */
static PARKABLE int core_post(lua_State *L)
{
	struct outgoing o;
	if (UNLIKELY(!is_outgoing(L, &o)))
		check_outgoing(L, &o);
	if (UNLIKELY(o.is_request && !lua_isyieldable(L))) {
		lua_pushnumber(L, 0);
		return 1;
	}
	return seri_pack_to(L, 3, send_packed, &o);
}

/* Source 0 is the runtime and allowed here. */
static uint32_t check_source(lua_State *L, int index)
{
	return lua_type(L, index) == LUA_TNUMBER ? (uint32_t)(int64_t)lua_tonumber(L, index)
						 : api_check_address(L, index);
}

/* (dest, source, type, session, payload [, size]) */
static int core_redirect(lua_State *L)
{
	struct service *s = vm_of(L)->service;
	uint32_t dest = api_check_address(L, 1), source = check_source(L, 2);
	int type = check_type(L, 3);
	int32_t session = (int32_t)luaL_checkinteger(L, 4);
	size_t size_bytes;
	void *data = api_check_payload(L, 5, &size_bytes);
	if (is_too_large(s, dest, size_bytes)) {
		mem_free(data);
		lua_pushboolean(L, false);
		return 1;
	}
	/* Passed on under the asker's name, the request is the receiver's to answer. */
	bool answers = type == MESSAGE_RESPONSE || type == MESSAGE_ERROR;
	bool passed = requests_forget(&s->open, answers ? dest : source, session) && !answers;
	struct message *m = message_new(source, type, session, data, size_bytes);
	enum sched_sent sent = sched_offer(dest, m);
	/* The asker is the one who waits. */
	if (sent == SENT_MUST_WAIT && passed)
		sent = sched_send_waiting(dest, m, service_handle(s), service_new_session(s),
					  false);
	if (passed)
		refuse_passed(dest, source, session, sent);
	return sent == SENT_MUST_WAIT ? push_back(L, m) : push_sent(L, sent, session);
}

/* (dest, source, type, session, payload [, size]) what was pushed back, again -> as redirect; and a ticket, to which the
 * answer is that it has got a place */
static int core_enqueue(lua_State *L)
{
	struct service *s = vm_of(L)->service;
	uint32_t dest = api_check_address(L, 1), source = check_source(L, 2);
	int type = check_type(L, 3);
	int32_t session = (int32_t)luaL_checkinteger(L, 4), ticket = service_new_session(s);
	size_t size_bytes;
	void *data = api_check_payload(L, 5, &size_bytes);
	struct message *m = message_new(source, type, session, data, size_bytes);
	enum sched_sent sent = sched_send_waiting(dest, m, service_handle(s), ticket, true);
	int results = push_sent(L, sent, session);
	if (sent != SENT_WAITS)
		return results;
	lua_pushinteger(L, ticket);
	return 2;
}

/* (address, ticket or session of a request) -> whether that message waited for a place, and is taken back */
static int core_withdraw(lua_State *L)
{
	uint32_t dest = api_check_address(L, 1);
	int32_t ticket = (int32_t)luaL_checkinteger(L, 2);
	lua_pushboolean(L, sched_withdraw(dest, service_handle(vm_of(L)->service), ticket));
	return 1;
}

const luaL_Reg *sendapi_functions(void)
{
	static const luaL_Reg functions[] = {
		{"send", core_send},
		{"post", core_post},
		{"redirect", core_redirect},
		{"enqueue", core_enqueue},
		{"withdraw", core_withdraw},
		{NULL, NULL},
	};
	return functions;
}
