-- SPDX-License-Identifier: MIT
--
-- Messages that nobody handles: of an unknown type, answers that nobody waits for, requests whose handler has
-- ended without a word. Loaded by the first one.

local require = require("skynet.require").original -- what ships does not wait while it is loaded
local core = require "skynet.core"
local task = require "skynet.task"
local say = require "skynet.say"
local serve = require "skynet.serve"

local unexpected = {}

--- The handler f of a request has ended without an answer.
function unexpected.no_answer(f, session, source)
	-- A pcall that was the last thing the handler did has kept the interrupt: nothing of the user's has run since.
	local interrupted = core.raised()
	if interrupted then
		serve.fail_request(source, session, interrupted)
		error(interrupted, 0)
	end
	local place = debug.getinfo(f, "S")
	core.error(string.format("Maybe forgot response session %s from %s : %s:%d", session,
		say.address(source), place.source, place.linedefined))
	serve.fail_request(source, session, "no answer")
end

local function raise_unknown(session, source)
	error(string.format("Unknown session : %d from %x", session, source), 0)
end

local function unknown_request(session, source, msg, sz, prototype)
	local text = core.tostring(msg, sz) or ""
	core.error(string.format("Unknown request (%s): %s", tostring(prototype), text))
	raise_unknown(session, source)
end

local function unknown_response(session, source, msg, sz)
	core.error(string.format("Response message : %s", core.tostring(msg, sz) or ""))
	raise_unknown(session, source)
end

-- pcall without its first result: the error text or nil.
local function error_of(ok, err)
	if not ok then
		return tostring(err)
	end
end

--- A message without a handler; a request fails. Only for the dispatcher.
-- @param p its protocol, or nil
-- @return nil, or the text of an error
function unexpected.request(p, ptype, msg, sz, session, source)
	if session ~= 0 then
		serve.fail_request(source, session, "no handler for messages of type " .. (p and p.name or ptype))
		return nil
	end
	if ptype == core.PTYPE_TRACE then
		require("skynet.trace").expect(source, core.tostring(msg, sz))
		return nil
	end
	return error_of(pcall(unknown_request, 0, source, msg, sz, p and p.name or ptype))
end

-- A timer of the library's own.
local function timer_is_over(what)
	if type(what) == "function" then
		what()
	else
		task.fail(what, "timeout")
	end
end

--- An answer that no task waits for. Only for the dispatcher.
-- @return nil, or the text of an error
function unexpected.response(session, source, msg, sz)
	local timers = task.live.timers
	local timer = timers and timers[session]
	if timer then
		timers[session] = nil
		timer_is_over(timer)
		return nil
	end
	return error_of(pcall(unknown_response, session, source, msg, sz))
end

--- What is done with a message of an unknown type that wants no answer: f(session, source, msg, sz,
-- type).
-- @return the previous function
function unexpected.dispatch_unknown_request(f)
	local old = unknown_request
	unknown_request = f
	return old
end

--- What is done with an answer that nobody waits for: f(session, source, msg, sz).
-- @return the previous function
function unexpected.dispatch_unknown_response(f)
	local old = unknown_response
	unknown_response = f
	return old
end

return unexpected
