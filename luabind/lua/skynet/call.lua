-- SPDX-License-Identifier: MIT
--
-- Requests that this service makes: send, call, and what happens to the calls whose peer dies.

local core = require "skynet.core"
local task = require "skynet.task"
local protocol = require "skynet.protocol"

local core_send, core_redirect, core_query = core.send, core.redirect, core.query
local core_enqueue, core_withdraw = core.enqueue, core.withdraw
local registry = protocol.registry
local await, need = task.await, task.need
local live, TIMEOUT = task.live, task.TIMEOUT
local type, tonumber, tostring, error = type, tonumber, tostring, error
local running, isyieldable = coroutine.running, coroutine.isyieldable
local HUGE = math.huge

local call = {}

-- session -> handle of the service that is to answer it; false: it had a name, which is gone already
local pending = {}
local limited = {} -- session -> true for a call with a deadline that its author gave
call.pending = pending -- for skynet/peers.lua

--- An address as text: `:%08x` for a handle, anything else as it is.
function call.address(addr)
	if type(addr) == "number" then
		return string.format(":%08x", addr)
	end
	return tostring(addr)
end

--- The handle that an address (handle, ":hex", ".name" or "NAME") means, or nil.
function call.handle_of(addr)
	if type(addr) == "number" then
		return addr
	end
	if addr:sub(1, 1) == ":" then
		return tonumber(addr:sub(2), 16)
	end
	return core_query(addr)
end
local handle_of = call.handle_of

-- Centiseconds that a call waits by default: option `calltimeout`; math.huge is for ever.
local default_cs = core.calltimeout()

-- A message that waits for a place in the mailbox when its time is over goes back to its sender, and nothing more will
-- come of it (taken_back). Else its answer, or the word that there is none, comes late.
local function await_until(cs, addr, session)
	local timer = task.arm(cs, session)
	local own = cs ~= default_cs
	if own then
		limited[session] = true
	end
	local ok, msg, sz = await(session)
	if own then
		limited[session] = nil
	end
	task.disarm(timer)
	local taken_back = false
	if not ok and msg == TIMEOUT then
		taken_back = core_withdraw(addr, session)
		if not taken_back then
			task.abandon(session)
		end
	end
	return ok, msg, sz, taken_back
end

-- Wait at most `cs` for the answer to `session` from `addr`.
local function await_from(cs, addr, session)
	pending[session] = type(addr) == "number" and addr or handle_of(addr) or false
	local ok, msg, sz, taken_back
	if cs == HUGE then
		ok, msg, sz = await(session)
	else
		ok, msg, sz, taken_back = await_until(cs, addr, session)
	end
	pending[session] = nil
	return ok, msg, sz, taken_back
end

-- The mailbox at `addr` is full, and senders wait for a place there. Where nothing can wait (the main chunk, a coroutine
-- of the user's own, a callback of a C function) the message does not get in.
local function wait_for_place(addr, source, id, session, msg, sz)
	if live.task == nil or running() ~= live.task or not isyieldable() then
		core.trash(msg, sz)
		return false, "mailbox full"
	end
	local sent, ticket = core_enqueue(addr, source, id, session, msg, sz)
	if ticket == nil then
		return sent
	end
	local ok, why, _, taken_back = await_from(default_cs, addr, ticket)
	if taken_back then
		return false, TIMEOUT
	elseif ok or why == TIMEOUT then
		return sent
	end
	return nil
end

-- What send and redirect return, from what the runtime says; a payload that it gives back has to wait for a place.
local function outcome(addr, source, id, session, sent, why, msg, sz)
	if msg ~= nil then
		return wait_for_place(addr, source or core.self(), id, session, msg, sz)
	elseif why ~= nil then
		return sent, why
	end
	return sent
end

--- Send a message that wants no answer, with the pack function of its protocol. Waits for a place when the receiver's
-- mailbox is full and its policy is "block", at most as long as the option `calltimeout` says.
-- @return 0; 0 and "dropped" when the mailbox was full and, by its policy, this message or the oldest one was dropped;
-- nil when nobody lives at that address (any more); false when the message is too large; false and the reason when it did
-- not get in: "mailbox full", "timeout"
function call.send(addr, typename, ...)
	local p = registry[typename]
	return outcome(addr, nil, p.id, 0, core_send(addr, p.id, 0, p.pack(...)))
end

--- Like send, by the protocol's number, with a payload that is packed already (string, or pointer and size in bytes).
function call.send_as(addr, id, msg, sz)
	return outcome(addr, nil, id, 0, core_send(addr, id, 0, msg, sz))
end

--- Like send, with a packed payload.
function call.rawsend(addr, typename, msg, sz)
	return call.send_as(addr, registry[typename].id, msg, sz)
end

-- The reason of a failure, if people want to know it.
local function told(reason)
	if reason ~= nil and core.getenv "callreason" ~= "false" then
		return reason
	end
end

local function failure(addr, session, why)
	if session == nil then
		error("call to invalid address " .. call.address(addr), 0)
	end
	why = told(why)
	error(why and "call failed: " .. why or "call failed", 0)
end

-- Wait at most `cs` for the answer to a request that was sent with this session (nil: nobody lives
-- there, false: too large, or why it did not get in).
local function answer_of(cs, addr, session, why)
	if not session then
		failure(addr, session, why)
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

-- The tag of a traced request travels ahead of each request that is made for it.
local function post(addr, p, ...)
	if live.trace then
		live.trace.announce(addr)
	end
	return core_send(addr, p.id, nil, ...)
end

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

--- Like call, with a deadline of its own: `cs` centiseconds from now (fractions count; math.huge:
-- none).
function call.calltimeout(cs, addr, typename, ...)
	need()
	local p = registry[typename]
	return p.unpack(answer_of(cs, addr, post(addr, p, p.pack(...))))
end

--- Like call, without any deadline: for waiting until something happens.
function call.patient(addr, typename, ...)
	return call.calltimeout(HUGE, addr, typename, ...)
end

--- Like call, with packed request and answer.
-- @return msg, sz: valid until the task waits again
function call.rawcall(addr, typename, msg, sz)
	need()
	return answer_of(default_cs, addr, post(addr, registry[typename], msg, sz))
end

--- Send a message under the name of another service.
-- @return as send
function call.redirect(dest, source, typename, session, msg, sz)
	local id = registry[typename].id
	return outcome(dest, source, id, session, core_redirect(dest, source, id, session, msg, sz))
end

--- Make the call with this session fail, for this reason (text or nil). One that was given up
-- before is forgotten.
function call.fail(session, reason)
	if pending[session] ~= nil then
		task.fail(session, told(reason))
	else
		task.forget(session)
	end
end

--- The handle of the service without whose answer the call with this session does not end; nil when it is no call, or has
-- a deadline that its author gave (not the default one, which is there for calls that hang).
function call.needs(session)
	return not limited[session] and pending[session] or nil
end

--- The answer to `session` is expected from `handle` (false: it is not known; nil: from nobody any more); for requests that
-- others wait for than call.
function call.expect(session, handle)
	pending[session] = handle
end

return call
