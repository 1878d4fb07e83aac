-- SPDX-License-Identifier: MIT
--
-- Requests that this service serves: from the C callback into a handler, and back with an answer.
-- Every request gets exactly one answer: the handler's, or an ERROR when the handler raises, ends
-- without one, or drops its responder.

local core = require "skynet.core"
local pool = require "skynet.pool"
local task = require "skynet.task"
local protocol = require "skynet.protocol"
local call = require "skynet.call"

local core_send, core_forget, core_alive = core.send, core.forget, core.alive
local registry = protocol.registry
local live, step, drain, answer = task.live, task.step, task.drain, task.answer
local acquire = pool.acquire
local error, pcall, tostring = error, pcall, tostring

local RESPONSE = protocol.types.PTYPE_RESPONSE
local ERROR = protocol.types.PTYPE_ERROR
local TRACE = protocol.types.PTYPE_TRACE

local serve = {}

-- The request that each task serves. The session goes when the request is answered or given away,
-- the source stays until the handler ends. Coroutines in the pool keep their (empty) slots, so
-- steady load does not rehash.
local serving_session = {} -- task -> session, 0 for a message that wants no answer
local serving_source = {} -- task -> handle

-- The longest reason that an answer carries, in bytes.
local REASON_MAX = 1000

local outstanding = {} -- responder state -> true, for every skynet.response() not used yet

-- Tell a caller that its request has failed, and why: the first line of `reason` (nil: nothing),
-- unless the option `callreason` is false.
local function fail_request(source, session, reason)
	if reason ~= nil and core.getenv "callreason" ~= "false" then
		return core_send(source, ERROR, session, tostring(reason):match("^[^\n]*"):sub(1, REASON_MAX))
	end
	return core_send(source, ERROR, session)
end

local function forgotten(f, session, source)
	-- A pcall that was the last thing the handler did has kept the interrupt: nothing of the user's has run since.
	local interrupted = core.raised()
	if interrupted then
		fail_request(source, session, interrupted)
		error(interrupted, 0)
	end
	local place = debug.getinfo(f, "S")
	core.error(string.format("Maybe forgot response session %s from %s : %s:%d", session,
		call.address(source), place.source, place.linedefined))
	fail_request(source, session, "no answer")
end

-- Runs as a task. The payload is unpacked in here and not in the dispatcher, so that a payload that
-- cannot be unpacked fails its own request like any other error.
local function handle(p, msg, sz, session, source)
	local co = live.task
	serving_session[co] = session
	serving_source[co] = source
	if live.trace then
		live.trace.begins(co, p, source)
	end
	local f = p.dispatch
	f(session, source, p.unpack(msg, sz))
	if live.trace then
		live.trace.ends(co)
	end
	local left = serving_session[co]
	serving_session[co] = nil
	serving_source[co] = nil
	if left and left ~= 0 then
		forgotten(f, left, source)
	end
end

-- Runs as a task, for ERROR messages: their session is one of ours, so there is nothing to answer.
local function handle_error(p, msg, sz, session, source)
	p.dispatch(session, source, p.unpack(msg, sz))
end

task.on_failure(function(co, err)
	if live.trace then
		live.trace.fails(co)
	end
	local session, source = serving_session[co], serving_source[co]
	serving_session[co], serving_source[co] = nil, nil
	if session and session ~= 0 then
		fail_request(source, session, err)
	end
end)

local function raise_unknown(session, source)
	error(string.format("Unknown session : %d from %x", session, source), 0)
end

local function unknown_request(session, source, msg, sz, prototype)
	local text = core.tostring(msg, sz)
	core.error(string.format("Unknown request (%s): %s", tostring(prototype), text))
	raise_unknown(session, source)
end

local function unknown_response(session, source, msg, sz)
	core.error(string.format("Response message : %s", core.tostring(msg, sz)))
	raise_unknown(session, source)
end

-- pcall without its first result: the error text or nil.
local function error_of(ok, err)
	if not ok then
		return tostring(err)
	end
end

local function refuse(p, ptype, msg, sz, session, source)
	if ptype == TRACE then
		require("skynet.trace").expect(source, core.tostring(msg, sz))
		return nil
	end
	if session ~= 0 then
		fail_request(source, session, "no handler for messages of type " .. (p and p.name or ptype))
		return nil
	end
	return error_of(pcall(unknown_request, session, source, msg, sz, p and p.name or ptype))
end

local function deliver(ptype, msg, sz, session, source)
	if ptype == RESPONSE then
		local known, err = answer(session, msg, sz)
		if known then
			return err
		end
		return error_of(pcall(unknown_response, session, source, msg, sz))
	end
	local p = registry[ptype]
	if p == nil or p.dispatch == nil then
		return refuse(p, ptype, msg, sz, session, source)
	end
	local f = ptype == ERROR and handle_error or handle
	return step(acquire(), f, p, msg, sz, session, source)
end

--- The callback for the runtime: one message, and then everything that it made runnable.
-- Raises the texts of all errors that ended tasks meanwhile, joined by newlines.
function serve.dispatch_message(ptype, msg, sz, session, source)
	if live.quitting then
		return
	end
	local err = drain(deliver(ptype, msg, sz, session, source))
	if err then
		error(err, 0)
	end
end

--- What is done with a message of an unknown type that wants no answer: f(session, source, msg, sz,
-- type).
-- @return the previous function
function serve.dispatch_unknown_request(f)
	local old = unknown_request
	unknown_request = f
	return old
end

--- What is done with an answer that nobody waits for: f(session, source, msg, sz).
-- @return the previous function
function serve.dispatch_unknown_response(f)
	local old = unknown_response
	unknown_response = f
	return old
end

--- The request that the running task serves.
-- @return session, source; nil, nil outside of requests
function serve.context()
	local co = live.task
	if co then
		return serving_session[co], serving_source[co]
	end
end

-- Take the request away from the running task, whoever answers it from now on.
local function take()
	local co = live.task
	local session = co and serving_session[co]
	if not session then
		error("No session", 3)
	end
	serving_session[co] = nil
	return session, serving_source[co]
end

--- Answer the current request with a packed payload (string, or pointer and size in bytes).
-- Raises `No session` when there is no request, or it was answered.
-- @return true; false when nobody waits for the answer or it is too large
function serve.ret(msg, sz)
	local session, source = take()
	if live.trace then
		live.trace.responds()
	end
	if session == 0 then
		if msg and sz then
			core.trash(msg, sz)
		end
		return false
	end
	local sent = core_send(source, RESPONSE, session, msg, sz)
	if sent == false then
		fail_request(source, session, "the answer is too large")
	end
	return not not sent
end
local ret, pack = serve.ret, core.pack

--- Answer the current request with Lua values.
-- @return as ret
function serve.retpack(...)
	return ret(pack(...))
end

--- The current request will not be answered by this handler, and that is intended.
function serve.ignoreret()
	local co = live.task
	local session = co and serving_session[co]
	if session then
		serving_session[co] = nil
		if session ~= 0 then
			core_forget(serving_source[co], session)
		end
	end
end

--- Send a message under the name of another service. The current request, passed on this way, is
-- the receiver's to answer.
-- @return as send
function serve.redirect(dest, source, typename, session, msg, sz)
	local co = live.task
	if co and session ~= 0 and serving_session[co] == session then
		if serving_source[co] == call.handle_of(source) then
			serving_session[co] = nil
		end
	end
	return call.redirect(dest, source, typename, session, msg, sz)
end

local function no_answer_wanted()
end

local function close_responder(state)
	state.open = false
	outstanding[state] = nil
end

local function refuse_responder(state, reason)
	if state.open then
		close_responder(state)
		return fail_request(state.source, state.session, reason) ~= nil
	end
	return false
end

-- An object that fails the request when it is collected before the answer was sent. `outstanding`
-- holds the state but neither this nor the responder, so both die with the last reference that the
-- user holds. Tables have no __gc here.
local function sentinel_for(state)
	local sentinel = newproxy(true)
	getmetatable(sentinel).__gc = function()
		refuse_responder(state, "no answer")
	end
	return sentinel
end

local function send_answer(state, ...)
	local sent = core_send(state.source, RESPONSE, state.session, ...)
	if sent == false then
		fail_request(state.source, state.session, "the answer is too large")
	end
	close_responder(state)
	return not not sent
end

--- Detach the current request from its handler; the result answers it later, from any task.
-- responder(true, ...) sends an answer, responder(false [, reason]) an error, both return whether the caller
-- got it; a second use raises `Can't response more than once`; responder("TEST") tells whether the
-- caller still waits. A responder that is collected unused fails the request. `packer` replaces
-- skynet.pack.
function serve.response(packer)
	packer = packer or pack
	local session, source = take()
	if session == 0 then
		return no_answer_wanted
	end
	local state = { session = session, source = source, open = true }
	outstanding[state] = true
	local sentinel = sentinel_for(state)
	local used = false
	return function(ok, ...)
		if ok == "TEST" then
			return sentinel ~= nil and state.open and core_alive(source)
		end
		if used then
			error("Can't response more than once", 2)
		end
		if not state.open then
			used = true
			return false
		end
		if ok then
			local sent = send_answer(state, packer(...))
			used = true
			return sent
		end
		used = true
		return refuse_responder(state, (...))
	end
end

--- Responders to a dead caller need no answer any more.
function serve.forget_caller(handle)
	for state in pairs(outstanding) do
		if state.source == handle then
			close_responder(state)
		end
	end
end

--- Fail every request that is not answered yet: this service ends.
function serve.refuse_all()
	for co, session in pairs(serving_session) do
		if session ~= 0 then
			fail_request(serving_source[co], session, "the service has ended")
		end
		serving_session[co] = nil
	end
	for state in pairs(outstanding) do
		refuse_responder(state, "the service has ended")
	end
end

return serve
