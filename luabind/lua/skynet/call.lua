-- SPDX-License-Identifier: MIT
--
-- Requests that this service makes: send and call. Those with a deadline: skynet/deadline.lua; with packed payloads:
-- skynet/raw.lua; what happens when the peer dies: skynet/peers.lua.

local core = require "skynet.core"
local task = require "skynet.task"
local protocol = require "skynet.protocol"

local core_send, core_query = core.send, core.query
local registry = protocol.registry
local await, need = task.await, task.need
local live, waiting, BREAK = task.live, task.state.waiting, task.BREAK
-- LuaJIT's require, before skynet/require.lua replaces it: what ships does not wait while it is loaded.
local type, error, require = type, error, require
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
	return outcome(addr, nil, p.id, 0, core_send(addr, p.id, 0, p.pack(...)))
end

--- Wait at most `cs` for the answer to a request that was sent with this session (nil: nobody lives
-- there, false: too large, or why it did not get in).
function call.answer_of(cs, addr, session, why)
	if not session then
		require("skynet.failure").unsent(addr, session, why)
	end
	if live.trace then
		live.trace.calls()
	end
	local ok, msg, sz = await_from(cs, addr, session)
	if not ok then
		error(msg and "call failed: " .. msg or "call failed", 0)
	end
	return msg, sz
end

--- The tag of a traced request travels ahead of each request that is made for it.
-- @return what answer_of is to be told
function call.post(addr, p, ...)
	if live.trace then
		live.trace.announce(addr)
	end
	return core_send(addr, p.id, nil, ...)
end
local answer_of, post = call.answer_of, call.post

--- Send a request and wait for its answer, at most as long as the option `calltimeout` says.
-- Raises `call to invalid address :%08x` when nobody lives there, and `call failed` or `call failed:
-- REASON` when the peer raised an error, ended without an answer, died, had no place in its mailbox (`mailbox full`), or
-- took too long (the reason is then `timeout`).
-- @return the unpacked answer
function call.call(addr, typename, ...)
	need()
	local p = registry[typename]
	return p.unpack(answer_of(default_cs, addr, post(addr, p, p.pack(...))))
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
