-- SPDX-License-Identifier: MIT
--
-- Looking at the suspended tasks of this service, and killing one: skynet.task, uniqtask,
-- killthread, trace_timeout. Loaded when one of these is used.

local require = require("skynet.require").original -- what ships does not wait while it is loaded
local core = require "skynet.core"
local pool = require "skynet.pool"
local task = require "skynet.task"
local call = require "skynet.call"
local abort = require "skynet.abort"
local deadline = require "skynet.deadline"
local life = require "skynet.life"

local traceback = debug.traceback
local live, state, BREAK = task.live, task.state, task.BREAK
local waiting, sleeping, forks = state.waiting, state.sleeping, state.forks
local timer_body, timer_of = state.timer_body, state.timer_of
local origins = setmetatable({}, { __mode = "k" }) -- task of a timer -> who began it, when trace_timeout is on

local inspect = {}

-- Calls f(session, task) for every task that waits.
local function each(f)
	for session, co in pairs(waiting) do
		if co ~= BREAK then
			f(session, co)
		end
	end
end

-- A timer's task has no frames before it begins; with trace_timeout it is known who began it.
local function trace_of(session, co)
	if timer_body[session] then
		return live.origin and origins[co] or traceback(co)
	end
	return traceback(co)
end

local function count()
	local n = 0
	each(function()
		n = n + 1
	end)
	return n
end

local function fill(list)
	each(function(session, co)
		list[string.format("%s session: %d", tostring(co), session)] = trace_of(session, co)
	end)
end

local function by_session(session)
	local co = waiting[session]
	return co and co ~= BREAK and trace_of(session, co) or "No session"
end

local function session_of(wanted)
	for session, co in pairs(waiting) do
		if co == wanted then
			return session
		end
	end
end

--- Look at the suspended tasks.
-- @param what nil: count them; a table: fill it with "thread session" -> traceback; a session: its
-- traceback or "No session"; a coroutine: the session it waits for, or nil; "init": the traceback
-- of the start function while it runs
function inspect.task(what)
	local kind = type(what)
	if what == nil then
		return count()
	elseif what == "init" then
		local co = life.init_thread
		return co and traceback(co)
	elseif kind == "table" then
		return fill(what)
	elseif kind == "number" then
		return by_session(what)
	elseif kind == "thread" then
		return session_of(what)
	end
end

--- The suspended tasks by what they do: "count\tsessions:[a,b]\n" -> traceback.
function inspect.uniqtask()
	local sessions_of = {}
	each(function(session, co)
		local stack = trace_of(session, co)
		sessions_of[stack] = sessions_of[stack] or {}
		table.insert(sessions_of[stack], session)
	end)
	local result = {}
	for stack, sessions in pairs(sessions_of) do
		table.sort(sessions)
		result[string.format("%d\tsessions:[%s]\n", #sessions, table.concat(sessions, ","))] = stack
	end
	return result
end

-- Called by task.timeout.
local function note_origin(co, cs)
	origins[co] = traceback(string.format("TIMER %d+%g : ", core.now(), cs), 3)
end

--- Whether timers remember who began them, for skynet.task.
function inspect.trace_timeout(on)
	live.origin = on and note_origin or nil
end

-- A coroutine, or a part of its address as tostring shows it.
local function matches(co, wanted)
	return co == wanted or type(wanted) == "string" and tostring(co):find(wanted, 1, true) ~= nil
end

local function kill_fork(wanted)
	for i = forks.first, forks.last do
		local co = forks[i]
		if co and matches(co, wanted) then
			forks[i] = false
			return co
		end
	end
end

-- Timers are taken back as a matter of course, so those are not searched for.
local function find_waiting(wanted)
	if timer_of[wanted] then
		return timer_of[wanted], wanted
	end
	for session, co in pairs(waiting) do
		if co ~= BREAK and matches(co, wanted) then
			return session, co
		end
	end
end

local function release_token(session)
	for token, of in pairs(sleeping) do
		if of == session then
			sleeping[token] = nil
			return true
		end
	end
end

-- The task that sleeps or waits with `session` is gone.
local function stop_timer(session)
	if state.timed[session] then
		state.timed[session] = nil
		deadline.cancel(session)
	end
end

-- Nothing may come for a session of a killed task, or it must be expected by nobody.
local function drop_session(session, co)
	waiting[session] = nil
	if timer_body[session] then
		timer_of[co], timer_body[session] = nil, nil
		pool.defer(-1)
		deadline.cancel(session)
	elseif release_token(session) then
		stop_timer(session)
	else
		call.pending[session] = nil
		waiting[session] = BREAK
	end
end

--- End a task that has not begun or is suspended, given by its coroutine or a part of its address
-- ("0x7f12"). The request that it serves fails; its timer is taken back. For debugging: what the
-- task was in the middle of stays as it is.
-- @return the coroutine, or nil when there is no such task
function inspect.killthread(thread)
	local session, co = find_waiting(thread)
	if session == nil then
		return kill_fork(thread)
	else
		drop_session(session, co)
		abort.task(co, "killed")
		return co
	end
end

return inspect
