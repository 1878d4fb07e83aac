-- SPDX-License-Identifier: MIT
--
-- Requests that this service makes: send and call. Those with a deadline: skynet/deadline.lua; with packed payloads:
-- skynet/raw.lua; what happens when the peer dies: skynet/peers.lua.

local core = require "skynet.core"
local task = require "skynet.task"
local protocol = require "skynet.protocol"

local core_send, core_query = core.send, core.query
local core_pack, core_post = core.pack, core.post
local core_unpack, unpack_counted = core.unpack, core.unpack_counted
local registry = protocol.registry
local await, yield = task.await, coroutine.yield
local live, waiting, BREAK, SUSPEND = task.live, task.state.waiting, task.BREAK, task.SUSPEND
-- LuaJIT's require, before skynet/require.lua replaces it: what ships does not wait while it is loaded.
local type, error, require, unpack = type, error, require, unpack
local HUGE = 1 / 0

local call = {}

-- session -> handle of the service that is to answer it; false: it had a name, which is gone already
local pending = {}
--- For skynet/peers.lua, and for requests that others wait for than call.
call.pending = pending

--- The handle that an address (handle, ":hex", ".name" or "NAME") means, or nil.
function call.handle_of(addr)
	return type(addr) == "number" and addr or core_query(addr)
end
local handle_of = call.handle_of

-- Centiseconds that a call waits by default: option `calltimeout`; math.huge is for ever.
local default_cs = core.calltimeout()

--- Wait at most `cs` for the answer to `session` from `addr`.
-- @return ok, msg, sz, taken_back: see skynet/deadline.lua
function call.await_from(cs, addr, session)
	pending[session] = type(addr) == "number" and addr or handle_of(addr) or false
	local ok, msg, sz, taken_back
	if cs == HUGE then
		ok, msg, sz = await(session)
	else
		ok, msg, sz, taken_back = require("skynet.deadline").await(cs, addr, session)
	end
	pending[session] = nil
	return ok, msg, sz, taken_back
end
local await_from = call.await_from

--- What send and redirect return, from what the runtime says; a payload that it gives back has to wait for a place.
function call.outcome(addr, source, id, session, sent, why, msg, sz)
	if msg ~= nil then
		return require("skynet.place").wait(addr, source or core.self(), id, session, msg, sz)
	elseif why ~= nil then
		return sent, why
	end
	return sent
end
local outcome = call.outcome

--- Send a message that wants no answer, with the pack function of its protocol. Waits for a place when the receiver's
-- mailbox is full and its policy is "block", at most as long as the option `calltimeout` says.
-- @return 0; 0 and "dropped" when the mailbox was full and, by its policy, this message or the oldest one was dropped;
-- nil when nobody lives at that address (any more); false when the message is too large; false and the reason when it did
-- not get in: "mailbox full", "timeout"
function call.send(addr, typename, ...)
	local p = registry[typename]
	if p.pack ~= core_pack then
		return outcome(addr, nil, p.id, 0, core_send(addr, p.id, 0, p.pack(...)))
	end
	-- Into locals first: LuaJIT cannot stitch a trace around outcome(core_post(...)).
	local sent, why, msg, sz = core_post(addr, p.id, 0, ...)
	if sent == 0 and why == nil then
		return 0
	end
	return outcome(addr, nil, p.id, 0, sent, why, msg, sz)
end

--- Send a request with a packed payload, and wait at most `cs` for its answer. The tag of a traced request travels ahead of
-- each request that is made for it.
-- @return msg, sz
function call.ask(cs, addr, p, msg, sz)
	if live.trace then
		live.trace.announce(addr)
	end
	local session, why = core_send(addr, p.id, nil, msg, sz)
	if not session then
		require("skynet.failure").unsent(addr, session, why)
	end
	if live.trace then
		live.trace.calls()
	end
	local ok, answer, size = await_from(cs, addr, session)
	if not ok then
		error(answer and "call failed: " .. answer or "call failed", 0)
	end
	return answer, size
end

--- Send a request and wait for its answer, at most as long as the option `calltimeout` says.
-- Raises `call to invalid address :%08x` when nobody lives there, and `call failed` or `call failed:
-- REASON` when the peer raised an error, ended without an answer, died, had no place in its mailbox (`mailbox full`), or
-- took too long (the reason is then `timeout`).
-- @return the unpacked answer
function call.call(addr, typename, ...)
	-- The usual way is written out: luabind/README.md, "What a message costs".
	local co, p = live.task, registry[typename]
	if co == nil or live.trace or p.pack ~= core_pack or default_cs ~= HUGE then
		return require("skynet.deadline").calltimeout(default_cs, addr, typename, ...)
	end
	local session, peer = core_post(addr, p.id, nil, ...)
	if session == 0 then
		-- It says why nothing can wait here.
		return require("skynet.deadline").calltimeout(default_cs, addr, typename, ...)
	elseif not session then
		require("skynet.failure").unsent(addr, session, peer)
	end
	pending[session] = peer
	waiting[session] = co
	local ok, msg, sz = yield(SUSPEND)
	pending[session] = nil
	if not ok then
		error(msg and "call failed: " .. msg or "call failed", 0)
	end
	if p.unpack ~= core_unpack then
		return p.unpack(msg, sz)
	end
	-- The same, as in skynet/serve.lua.
	local n, v, w, x, y, z = unpack_counted(msg, sz)
	if n == 1 then
		return v
	elseif n == 0 then
		return
	elseif n == 2 then
		return v, w
	elseif n == 3 then
		return v, w, x
	elseif n == 4 then
		return v, w, x, y
	elseif n == 5 then
		return v, w, x, y, z
	end
	return unpack(v, 1, n)
end

--- Handler of ERROR messages. A caller that ended sends one with session 0 to everybody it waited for; else the payload is the
-- reason, if there is one. It stays in each VM, since it must not need memory to end a call.
function call.on_error(session, source, reason)
	if session == 0 then
		require("skynet.peers").caller_ended(source)
	elseif pending[session] ~= nil then
		task.fail(session, reason ~= "" and core.getenv "callreason" ~= "false" and reason or nil)
	elseif waiting[session] == BREAK then
		waiting[session] = nil -- given up before
	end
end

return call
