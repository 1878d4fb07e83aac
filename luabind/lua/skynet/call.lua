-- SPDX-License-Identifier: MIT
--
-- Requests that this service makes: send, call, and what happens to the calls whose peer dies.

local core = require "skynet.core"
local task = require "skynet.task"
local protocol = require "skynet.protocol"

local core_send, core_redirect, core_query = core.send, core.redirect, core.query
local registry = protocol.registry
local await, need = task.await, task.need
local live, TIMEOUT = task.live, task.TIMEOUT
local type, tonumber, tostring, error = type, tonumber, tostring, error
local HUGE = math.huge

local call = {}

local pending = {} -- session -> handle of the service that is to answer it
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

--- Send a message that wants no answer, with the pack function of its protocol.
-- @return 0; nil when nobody lives at that address; false when the message is too large
function call.send(addr, typename, ...)
	local p = registry[typename]
	return core_send(addr, p.id, 0, p.pack(...))
end

-- Centiseconds that a call waits by default: option `calltimeout`; math.huge is for ever.
local default_cs = core.calltimeout()

local function failure(addr, session)
	if session == nil then
		error("call to invalid address " .. call.address(addr), 0)
	end
	error("call failed", 0)
end

local function await_until(cs, session)
	local timer = task.arm(cs, session)
	local ok, msg, sz = await(session)
	task.disarm(timer)
	if not ok and msg == TIMEOUT then
		task.abandon(session) -- its answer, or the word that there is none, comes late
	end
	return ok, msg, sz
end

-- Wait at most `cs` for the answer to a request that was sent with this session (nil: nobody lives
-- there, false: too large).
local function answer_of(cs, addr, session)
	if not session then
		failure(addr, session)
	end
	pending[session] = type(addr) == "number" and addr or handle_of(addr)
	if live.trace then
		live.trace.calls()
	end
	local ok, msg, sz
	if cs == HUGE then
		ok, msg, sz = await(session)
	else
		ok, msg, sz = await_until(cs, session)
	end
	pending[session] = nil
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
-- REASON` when the peer raised an error, ended without an answer, died, or took too long (the
-- reason is then `timeout`).
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
	return core_redirect(dest, source, registry[typename].id, session, msg, sz)
end

--- Make the call with this session fail, for this reason (text or nil). One that was given up
-- before is forgotten.
function call.fail(session, reason)
	if pending[session] then
		task.fail(session, reason)
	else
		task.forget(session)
	end
end

--- The answer to `session` is expected from `handle` (nil: from nobody any more); for requests that
-- others wait for than call.
function call.expect(session, handle)
	pending[session] = handle
end

return call
