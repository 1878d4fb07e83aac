-- SPDX-License-Identifier: MIT
--
-- Tasks: the coroutines of one service, and everything that suspends and resumes them.
--
-- The dispatcher runs on the main Lua thread and is the only one that resumes a task, so tasks
-- never nest and `live.task` always names the one that runs. A task that waits has yielded SUSPEND
-- and stands in `waiting` under the session that will bring it back: a RESPONSE message (call,
-- timer), or an entry of the interrupt queue (wakeup, failed call). One message is finished in this
-- order: its own task up to the first yield, then the interrupts in FIFO order, then the forks in
-- FIFO order, with the interrupts that each of them causes in between.

local core = require "skynet.core"
local pool = require "skynet.pool"

local resume, yield = coroutine.resume, coroutine.yield
local traceback = debug.traceback
local unpack, select, type, tostring, error = unpack, select, type, tostring, error
local core_timeout, core_genid, core_blocking = core.timeout, core.genid, core.blocking
local pcall = pcall

local acquire, SUSPEND = pool.acquire, pool.SUSPEND
local QUIT = "QUIT"
local BREAK = "BREAK"
local NS_PER_CS = 1e7

local task = {}

-- What the other parts of the library may read at any time: `task`, the coroutine that runs now
-- (nil outside of tasks, and inside of blocking), `quitting`, true once skynet.exit() was called, and `blocking`.
local live = { task = nil, quitting = false, blocking = false }
task.live = live

-- session -> the task that it resumes, or BREAK when that task was woken before its timer
local waiting = {}
local sleeping = {} -- token -> session of the task that sleeps or waits on it
local timer_body = {} -- session -> function of a timer whose task has not begun

local interrupts = { first = 1, last = 0, verdict = {} } -- [i] = session
local forks = { first = 1, last = 0, call = {} } -- [i] = task

local function no_hook()
end
local failure_hook = no_hook

local function run_plain(f)
	f()
end

local function run_packed(call)
	call.f(unpack(call, 1, call.n))
end

-- What became of a task after one step: nil, or the text of the error that ended it.
local function settle(co, ok, command)
	live.task = nil
	if ok then
		if command == SUSPEND or command == nil or command == QUIT then
			return nil
		end
		failure_hook(co)
		if command == "USER" then
			command = "Call skynet.coroutine.yield out of skynet.coroutine.resume"
			return traceback(co, command)
		end
		return traceback(co, "Unknown command : " .. tostring(command))
	end
	failure_hook(co)
	return traceback(co, tostring(command))
end

--- Run a task until it yields or ends. Only for the dispatcher.
-- @return nil, or the error with its traceback when the task raised one
function task.step(co, ...)
	live.task = co
	return settle(co, resume(co, ...))
end
local step = task.step

--- Set what is done with a task that raised an error (one function; it gets the coroutine).
function task.on_failure(f)
	failure_hook = f
end

--- The running task; raises an error outside of tasks, where nothing can wait.
function task.need()
	local co = live.task
	if co == nil then
		if live.blocking then
			error("nothing can wait inside skynet.blocking but what blocks the thread", 3)
		end
		error("only a task can wait: do this inside skynet.start, not in the main chunk", 3)
	end
	return co
end
local need = task.need

--- Suspend the running task until the answer to `session` comes.
-- @return true, msg, sz for an answer, false for an error
function task.await(session)
	waiting[session] = live.task
	return yield(SUSPEND)
end

local function end_blocking(co, ok, ...)
	live.task, live.blocking = co, false
	if not ok then
		error((...), 0)
	end
	return ...
end

--- Run f(...) without a worker; see skynet.blocking.
function task.blocking(f, ...)
	if live.blocking then
		error("skynet.blocking inside skynet.blocking", 3)
	end
	local co = live.task
	live.task, live.blocking = nil, true
	return end_blocking(co, pcall(core_blocking, f, ...))
end

--- Deliver an answer. Only for the dispatcher.
-- @return known, err: whether anybody waited for this session, and the error text of the task
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
		return true, step(co, run_plain, f)
	end
	return true, step(co, true, msg, sz)
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

local function interrupt(session, verdict)
	local last = interrupts.last + 1
	interrupts[last] = session
	interrupts.verdict[last] = verdict
	interrupts.last = last
end

--- Make the call that waits for `session` fail; its task runs when the current one has suspended.
function task.fail(session)
	interrupt(session, false)
end

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
	if verdict == BREAK then
		waiting[session] = BREAK
	else
		waiting[session] = nil
	end
	return step(co, false, verdict)
end

local function run_fork()
	local i = forks.first
	local co, call = forks[i], forks.call[i]
	forks.call[i] = nil
	advance(forks)
	if type(call) == "function" then
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
			return err
		end
		if e then
			err = err and (err .. "\n" .. e) or e
		end
	end
	return err
end

--- Run f(...) in a task of its own, after the current message and before the next one.
-- @return the coroutine
function task.fork(f, ...)
	local n = select("#", ...)
	local co = acquire()
	local last = forks.last + 1
	forks[last] = co
	forks.call[last] = n == 0 and type(f) == "function" and f or { f = f, n = n, ... }
	forks.last = last
	return co
end

--- Run f() in a task of its own after `cs` centiseconds; fractions count, 0 or less means "as the
-- next message".
-- @return the coroutine
function task.timeout(cs, f)
	local session = core_timeout(cs > 0 and cs * NS_PER_CS or 0)
	local co = acquire()
	waiting[session] = co
	timer_body[session] = f
	return co
end

local function claim(token)
	if sleeping[token] ~= nil then
		error("token duplicative", 0)
	end
end

--- Suspend the running task for `cs` centiseconds, or until wakeup(token) (token: the coroutine by
-- default).
-- @return nil, or "BREAK" when it was woken
function task.sleep(cs, token)
	local co = need()
	token = token or co
	claim(token)
	local session = core_timeout(cs > 0 and cs * NS_PER_CS or 0)
	waiting[session] = co
	sleeping[token] = session
	local ok, verdict = yield(SUSPEND)
	sleeping[token] = nil
	if not ok then
		return verdict
	end
end

--- Suspend the running task until wakeup(token) (token: the coroutine by default).
-- Raises `token duplicative` when another task waits on the same token.
function task.wait(token)
	local co = need()
	token = token or co
	claim(token)
	local session = core_genid()
	waiting[session] = co
	sleeping[token] = session
	yield(SUSPEND)
	sleeping[token] = nil
	waiting[session] = nil
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

--- Forget everything that was to run in this service, and suspend for ever.
-- Raises an error outside of tasks: nothing else ends the main chunk there.
function task.quit()
	live.quitting = true
	forks.first, forks.last = 1, 0
	interrupts.first, interrupts.last = 1, 0
	if live.task == nil then
		error("this service has ended itself in its main chunk", 0)
	end
	yield(QUIT)
end

local function list_tasks(into)
	local n = 0
	for session, co in pairs(waiting) do
		if co ~= BREAK then
			n = n + 1
			if into then
				local key = string.format("%s session: %d", tostring(co), session)
				into[key] = traceback(co)
			end
		end
	end
	return n
end

--- Look at the suspended tasks.
-- @param what nil: count them; a table: fill it with "thread session" -> traceback; a session: its
-- traceback or "No session"; a coroutine: the session it waits for, or nil
function task.info(what)
	local kind = type(what)
	if what == nil then
		return list_tasks()
	elseif kind == "table" then
		list_tasks(what)
	elseif kind == "number" then
		local co = waiting[what]
		return co and co ~= BREAK and traceback(co) or "No session"
	elseif kind == "thread" then
		for session, co in pairs(waiting) do
			if co == what then
				return session
			end
		end
	end
end

return task
