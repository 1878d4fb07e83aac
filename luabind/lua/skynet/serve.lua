-- SPDX-License-Identifier: MIT
--
-- Requests that this service serves: from the C callback into a handler, and back with an answer.
-- Every request gets exactly one answer: the handler's, or an ERROR when the handler raises, ends
-- without one, or drops its responder (skynet/response.lua, with other ways to give a request away). What nobody
-- handles: skynet/unexpected.lua.

local core = require "skynet.core"
local pool = require "skynet.pool"
local task = require "skynet.task"
local protocol = require "skynet.protocol"
local call = require "skynet.call"

local core_send, core_post = core.send, core.post
local core_unpack, unpack_counted = core.unpack, core.unpack_counted
local registry = protocol.registry
local live, step, drain, answer, shown = task.live, task.step, task.drain, task.answer, task.shown
local acquire = pool.acquire
-- LuaJIT's require, before skynet/require.lua replaces it: what ships does not wait while it is loaded.
local error, require, unpack = error, require, unpack

local RESPONSE, ERROR = core.PTYPE_RESPONSE, core.PTYPE_ERROR

local serve = {}

-- task -> the request that it serves: its `session`, 0 for a message that wants no answer, and the handle of its `source`.
-- The session goes when the request is answered or given away, the source stays until the handler ends. Coroutines in the
-- pool keep their (empty) record, so steady load makes none. One record, since the interpreter, which runs the end of a
-- handler, looks up keys that are neither strings nor numbers by a call each.
local serving = setmetatable({}, { __mode = "k" })
serve.serving = serving -- for skynet/response.lua and skynet/deadlock.lua

-- The longest reason that an answer carries, in bytes.
local REASON_MAX = 1000

--- Tell a caller that its request has failed, and why: the first line of `reason` (nil: nothing),
-- unless the option `callreason` is false.
function serve.fail_request(source, session, reason)
	if reason ~= nil and core.getenv "callreason" ~= "false" then
		return core_send(source, ERROR, session, shown(reason):match("^[^\n]*"):sub(1, REASON_MAX))
	end
	return core_send(source, ERROR, session)
end
local fail_request = serve.fail_request

-- Runs as a task. The payload is unpacked in here and not in the dispatcher, so that a payload that
-- cannot be unpacked fails its own request like any other error.
local function handle(p, msg, sz, session, source)
	local co = live.task
	local request = serving[co]
	if request then
		request.session, request.source = session, source
	else
		request = { session = session, source = source }
		serving[co] = request
	end
	if live.trace then
		live.trace.begins(co, p, source)
	end
	local f = p.dispatch
	if p.unpack ~= core_unpack then
		f(session, source, p.unpack(msg, sz))
	else
		-- The same, but LuaJIT goes on compiling after it: luabind/README.md, "What a message costs".
		local n, v, w, x, y, z = unpack_counted(msg, sz)
		if n == 1 then
			f(session, source, v)
		elseif n == 2 then
			f(session, source, v, w)
		elseif n == 3 then
			f(session, source, v, w, x)
		elseif n == 4 then
			f(session, source, v, w, x, y)
		elseif n == 5 then
			f(session, source, v, w, x, y, z)
		elseif n == 0 then
			f(session, source)
		else
			f(session, source, unpack(v, 1, n))
		end
	end
	local left = request.session
	if left and left ~= 0 then
		require("skynet.unexpected").no_answer(f, left, source)
	end
	request.session, request.source = nil, nil
end

-- Runs as a task, for ERROR messages: their session is one of ours, so there is nothing to answer.
local function handle_error(p, msg, sz, session, source)
	p.dispatch(session, source, p.unpack(msg, sz))
end

live.failed = function(co, err)
	if live.trace then
		live.trace.fails(co)
	end
	local request = serving[co]
	serving[co] = nil
	local session = request and request.session
	if session and session ~= 0 then
		fail_request(request.source, session, err)
	end
end

--- The callback for the runtime: one message, and then everything that it made runnable.
-- Raises the texts of all errors that ended tasks meanwhile, joined by newlines.
function serve.dispatch_message(ptype, msg, sz, session, source)
	local early = live.debugger and live.debugger()
	if live.quitting then
		return
	end
	local err
	if ptype == RESPONSE then
		local known
		known, err = answer(session, msg, sz)
		if not known then
			err = require("skynet.unexpected").response(session, source, msg, sz)
		end
	else
		local p = registry[ptype]
		if p and p.dispatch then
			err = step(acquire(), ptype == ERROR and handle_error or handle, p, msg, sz, session, source)
		else
			err = require("skynet.unexpected").request(p, ptype, msg, sz, session, source)
		end
	end
	if live.more then
		err = drain(err)
	end
	if early then
		err = err and early .. "\n" .. err or early
	end
	if err then
		error(err, 0)
	end
end

--- Take the request away from the running task, whoever answers it from now on.
-- Raises `No session` when there is none.
-- @return session (0: a message that wants no answer), source
function serve.take()
	local co = live.task
	local request = co and serving[co]
	local session = request and request.session
	if not session then
		error("No session", 3)
	end
	request.session = nil
	return session, request.source
end
local take = serve.take

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
	local co = live.task
	local request = co and serving[co]
	local session = request and request.session
	if not session or session == 0 or live.trace then
		return ret(pack(...))
	end
	-- What is packed here is never too large.
	local sent = core_post(request.source, RESPONSE, session, ...)
	request.session = nil
	return sent ~= nil
end

return serve
