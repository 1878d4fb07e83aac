-- SPDX-License-Identifier: MIT
--
-- Tasks: the coroutines of one service, and everything that suspends and resumes them.
--
-- The dispatcher runs on the main Lua thread and is the only one that resumes a task, so tasks
-- never nest and `live.task` always names the one that runs. A task that waits has yielded SUSPEND
-- and stands in `waiting` under the session that will bring it back: a RESPONSE message (call,
-- timer), or an entry of the interrupt queue (wakeup, failed call). A session that nobody waits for
-- any more, but whose message is still to come, stands there as BREAK. One message is finished in this
-- order: its own task up to the first yield, then the interrupts in FIFO order, then the forks in
-- FIFO order, with the interrupts that each of them causes in between.

local core = require "skynet.core"
local pool = require "skynet.pool"

local resume, yield = coroutine.resume, coroutine.yield
local running, isyieldable = coroutine.running, coroutine.isyieldable
-- LuaJIT's require, before skynet/require.lua replaces it: what ships does not wait while it is loaded.
local unpack, select, type, error, require = unpack, select, type, error, require
local core_timeout, core_cancel, core_genid = core.timeout, core.cancel, core.genid

local acquire, defer, SUSPEND = pool.acquire, pool.defer, pool.SUSPEND
local BREAK = "BREAK"
local NS_PER_CS = 1e7

local task = {
	--- Stands in `waiting` for a session that nobody waits for; also what a woken sleep returns.
	BREAK = BREAK,
	--- What a task yields that waits.
	SUSPEND = SUSPEND,
}

-- What the other parts of the library may read at any time: `task`, the coroutine that runs now
-- (nil outside of tasks, and inside of blocking); `quitting`, true once skynet.exit() was called; `trace`, the
-- module that logs the way of a request (nil until it is used); `responders`, the module of skynet.response, and `held`, the
-- locks of each task (skynet/lock.lua), likewise; `failed`, what is called with a task that raised an error, and the error
-- (skynet/serve.lua); `origin`, what notes who began a timer (nil unless skynet.trace_timeout is on); `timers`, the timers
-- of the library itself, which have no task (nil until there is one): session -> what is called, or the session of the
-- call that fails; `blocking`, true inside of skynet.blocking; `debugger`, what is called before each message while there is
-- one; `more`: there may be something to drain.
local live = { more = false, quitting = false, failed = nil, task = nil }
task.live = live

-- session -> the task that it resumes, or BREAK
local waiting = {}
local sleeping = {} -- token -> session of the task that sleeps or waits on it
local timed = {} -- session -> true for those of `sleeping` that a timer ends
local timer_body = {} -- session -> function of a timer whose task has not begun
local timer_of = {} -- the task of such a timer -> session

local interrupts = { first = 1, last = 0, verdict = {} } -- [i] = session
local forks = { first = 1, last = 0, call = {} } -- [i] = task, or false for a killed one

-- For what is loaded later: skynet/inspect.lua, which lists and kills tasks, and its like.
task.state = {
	waiting = waiting,
	sleeping = sleeping,
	timed = timed,
	timer_body = timer_body,
	timer_of = timer_of,
	forks = forks,
	interrupts = interrupts,
}

local function run_plain(f)
	f()
end

local function run_packed(call)
	call.f(unpack(call, 1, call.n))
end

--- An error as text.
function task.shown(err)
	return type(err) == "string" and err or require("skynet.failure").shown(err)
end
local shown = task.shown

--- Run a task until it yields or ends; it gets a, b, ... Only for the dispatcher.
-- @return nil, or the text of the error that ended it, with its traceback
function task.step(co, a, b, c, d, e, f)
	live.task = co
	local ok, command = resume(co, a, b, c, d, e, f)
	live.task = nil
	if ok then
		if command == SUSPEND or command == nil then
			return nil
		end
		command = command == "USER" and "Call skynet.coroutine.yield out of skynet.coroutine.resume"
			or "Unknown command : " .. shown(command)
	end
	pool.ended()
	local interrupted, place = core.raised(command)
	live.failed(co, interrupted or command)
	if interrupted then
		return interrupted .. "\nstack traceback:\n" .. place
	end
	return core.traceback(co, shown(command))
end
local step = task.step

--- Begin and go on with tasks by f(co, ...) instead of coroutine.resume, for skynet.profile.
function task.resume_with(f)
	resume = f
end

--- The running task; raises an error where nothing can wait: outside of tasks, and where LuaJIT could not yield. (It would say
-- so itself, but when everything has been begun: who caught that error would be resumed later, in the middle of
-- another wait, with the answer to this one.)
function task.need()
	local co = live.task
	if co == nil or not isyieldable() then
		require("skynet.failure").cannot_wait()
	end
	return co
end
local need = task.need

--- Suspend the running task until the answer to `session` comes.
-- @return true, msg, sz, session for an answer; false, reason (nil: none is known),
-- nil, session for an error
function task.await(session)
	waiting[session] = live.task
	return yield(SUSPEND)
end

--- Deliver an answer. Only for the dispatcher.
-- @return known, err: whether a task waited for this session, or did so until it gave up, and the error text of the task
function task.answer(session, msg, sz)
	local co = waiting[session]
	if co == nil then
		return false
	end
	waiting[session] = nil
	if co == BREAK then
		return true
	end
	local f = timer_body[session]
	if f then
		timer_body[session] = nil
		timer_of[co] = nil
		defer(-1)
		return true, step(co, run_plain, f)
	end
	if live.trace then
		live.trace.resumed(co)
	end
	return true, step(co, true, msg, sz, session)
end

-- Drop the oldest entry of `interrupts` or `forks`.
local function advance(queue)
	local i = queue.first
	queue[i] = nil
	if i == queue.last then
		queue.first, queue.last = 1, 0
	else
		queue.first = i + 1
	end
end

--- Make the call that waits for `session` fail, for this reason (text or nil); its task runs when
-- the current one has suspended.
function task.fail(session, reason)
	local last = interrupts.last + 1
	interrupts[last] = session
	interrupts.verdict[last] = reason
	interrupts.last = last
	live.more = true
end
local interrupt = task.fail

-- Resume what the oldest interrupt names. A session that is gone already (woken twice, answered
-- meanwhile) is skipped.
local function run_interrupt()
	local i = interrupts.first
	local session, verdict = interrupts[i], interrupts.verdict[i]
	interrupts.verdict[i] = nil
	advance(interrupts)
	local co = waiting[session]
	if co == nil or co == BREAK then
		return nil
	end
	waiting[session] = nil
	if live.trace then
		live.trace.resumed(co)
	end
	return step(co, false, verdict, nil, session)
end

local function run_fork()
	local i = forks.first
	local co, call = forks[i], forks.call[i]
	forks.call[i] = nil
	advance(forks)
	if not co then
		return nil
	elseif type(call) == "function" then
		return step(co, run_plain, call)
	end
	return step(co, run_packed, call)
end

--- Run everything that the last step made runnable. Only for the dispatcher.
-- @param err the error text of that step, or nil
-- @return all error texts joined by newlines, or nil
function task.drain(err)
	while not live.quitting do
		local e
		if interrupts.last ~= 0 then
			e = run_interrupt()
		elseif forks.last ~= 0 then
			e = run_fork()
		else
			live.more = false
			return err
		end
		if e then
			err = err and (err .. "\n" .. e) or e
		end
	end
	return err
end

-- At the line that is wrong, and not when the task begins, where nobody knows any more who made it.
local function must_be_given(f, who)
	if f == nil then
		error(who .. " needs a function, got nil", 3)
	end
end

--- Run f(...) in a task of its own, after the current message and before the next one. Raises for nil.
-- @return the coroutine
function task.fork(f, ...)
	must_be_given(f, "skynet.fork")
	local n = select("#", ...)
	local co = acquire()
	local last = forks.last + 1
	forks[last] = co
	forks.call[last] = n == 0 and type(f) == "function" and f or { f = f, n = n, ... }
	forks.last = last
	live.more = true
	return co
end

local function delay_ns(cs)
	if type(cs) ~= "number" then
		cs = require("skynet.failure").number(cs) -- an argument of the service, say: those are texts
	end
	return cs > 0 and cs * NS_PER_CS or 0
end

--- Run f() in a task of its own after `cs` centiseconds; fractions count, 0 or less means "as the
-- next message". Raises for nil.
-- @return the coroutine, for skynet.killthread
function task.timeout(cs, f)
	must_be_given(f, "skynet.timeout")
	local session = core_timeout(delay_ns(cs))
	local co = acquire()
	defer(1)
	waiting[session] = co
	timer_body[session] = f
	timer_of[co] = session
	if live.origin then
		live.origin(co, cs)
	end
	return co
end

-- Before anything is begun for the wait, so that a refused one leaves nothing behind.
local function claim(token)
	if sleeping[token] ~= nil then
		error("token duplicative", 0)
	end
end

-- Suspend the running task, known by the token, until the message of `session` or a wakeup.
local function suspend(co, session, token)
	waiting[session] = co
	sleeping[token] = session
	if live.trace then
		live.trace.sleeps(co)
	end
	local ok, verdict = yield(SUSPEND)
	sleeping[token] = nil
	return ok, verdict
end

--- Suspend the running task for `cs` centiseconds, or until wakeup(token) (token: the running
-- coroutine by default).
-- @return nil, or "BREAK" when it was woken
function task.sleep(cs, token)
	local co = need()
	token = token or running()
	claim(token)
	local session = core_timeout(delay_ns(cs))
	timed[session] = true
	local ok, verdict = suspend(co, session, token)
	timed[session] = nil
	if not ok then
		if not core_cancel(session) then
			waiting[session] = BREAK
		end
		return verdict
	end
end

--- Suspend the running task until wakeup(token) (token: the running coroutine by default).
-- Raises `token duplicative` when another task waits on the same token.
function task.wait(token)
	local co = need()
	token = token or running()
	claim(token)
	suspend(co, core_genid(), token)
end

--- Wake the task that sleeps or waits on `token`; it runs when the current task suspends.
-- @return true, or nothing when nobody does
function task.wakeup(token)
	local session = sleeping[token]
	if session then
		interrupt(session, BREAK)
		return true
	end
end

return task
