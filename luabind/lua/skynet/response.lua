-- SPDX-License-Identifier: MIT
--
-- Requests that are not answered by their handler: later (responders), by another service, or by nobody. Loaded by the
-- first of them, and by the end of a service.

local require = require("skynet.require").original -- what ships does not wait while it is loaded
local core = require "skynet.core"
local task = require "skynet.task"
local call = require "skynet.call"
local serve = require "skynet.serve"

local core_send, core_forget, core_alive = core.send, core.forget, core.alive
local live, fail_request, take = task.live, serve.fail_request, serve.take
local serving = serve.serving
local RESPONSE = core.PTYPE_RESPONSE

local response = {}
live.responders = response

local outstanding = {} -- responder state -> true, for every responder not used yet

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

local function responder_to(session, source, packer)
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

--- Detach the current request from its handler; the result answers it later, from any task.
-- responder(true, ...) sends an answer, responder(false [, reason]) an error, both return whether the caller
-- got it; a second use raises `Can't response more than once`; responder("TEST") tells whether the
-- caller still waits. A responder that is collected unused fails the request. `packer` replaces
-- skynet.pack.
function response.response(packer)
	local session, source = take()
	return responder_to(session, source, packer or core.pack)
end

--- The request that the running task serves.
-- @return session, source; nil, nil outside of requests
function response.context()
	local request = live.task and serving[live.task]
	if request then
		return request.session, request.source
	end
end

--- Responders to a dead caller need no answer any more.
function response.forget(handle)
	for state in pairs(outstanding) do
		if state.source == handle then
			close_responder(state)
		end
	end
end

--- The current request will not be answered by this handler, and that is intended.
function response.ignoreret()
	local request = live.task and serving[live.task]
	local session = request and request.session
	if session then
		request.session = nil
		if session ~= 0 then
			core_forget(request.source, session)
		end
	end
end

--- Send a message under the name of another service. The current request, passed on this way, is
-- the receiver's to answer.
-- @return as send
function response.redirect(dest, source, typename, session, msg, sz)
	local request = live.task and serving[live.task]
	if request and session ~= 0 and request.session == session then
		if request.source == call.handle_of(source) then
			request.session = nil
		end
	end
	return require("skynet.raw").redirect(dest, source, typename, session, msg, sz)
end

--- Fail every request that is not answered yet: this service ends.
function response.refuse_all()
	for _, request in pairs(serving) do
		local session = request.session
		if session and session ~= 0 then
			fail_request(request.source, session, "the service has ended")
		end
		request.session = nil
	end
	for state in pairs(outstanding) do
		refuse_responder(state, "the service has ended")
	end
end

return response
