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
local running, isyieldable, traceback = coroutine.running, coroutine.isyieldable, debug.traceback
local unpack, select, type, tostring, error = unpack, select, type, tostring, error
local core_timeout, core_cancel, core_genid = core.timeout, core.cancel, core.genid
local core_raised = core.raised

local acquire, defer, SUSPEND = pool.acquire, pool.defer, pool.SUSPEND
local QUIT = "QUIT"
local BREAK = "BREAK"
local NS_PER_CS = 1e7
local TRIM_NS = 1e10 -- between two looks at a pool that may be too large

local task = {
	--- The reason of a call that has met its deadline.
	TIMEOUT = "timeout",
	--- Stands in `waiting` for a session that nobody waits for; also what a woken sleep returns.
	BREAK = BREAK,
}

-- What the other parts of the library may read at any time: `task`, the coroutine that runs now
-- (nil outside of tasks, and inside of blocking); `quitting`, true once skynet.exit() was called; `trace`, the
-- module that logs the way of a request (nil until it is used); `responders`, the module of skynet.response, likewise;
-- `origin`, a table that keeps who began a timer (nil unless skynet.trace_timeout is on); `blocking`, true inside of
-- skynet.blocking; `debugger`, what is called before each message while there is one.
local live = { task = nil, quitting = false, trace = nil, responders = nil, origin = nil, blocking = false, debugger = nil }
task.live = live

-- session -> the task that it resumes, or BREAK
local waiting = {}
local sleeping = {} -- token -> session of the task that sleeps or waits on it
local timed = {} -- session -> true for those of `sleeping` that a timer ends
local timer_body = {} -- session -> function of a timer whose task has not begun
local timer_of = {} -- the task of such a timer -> session
local trimmer -- session of the timer after which the pool is trimmed
local deadline = {} -- session of a timer -> session of the call that it makes fail

local interrupts = { first = 1, last = 0, verdict = {} } -- [i] = session
local forks = { first = 1, last = 0, call = {} } -- [i] = task, or false for a killed one

-- For skynet/inspect.lua, which lists and kills tasks.
task.state = { waiting = waiting, sleeping = sleeping, timer_body = timer_body, timer_of = timer_of, forks = forks }

function pool.watch()
	trimmer = core_timeout(TRIM_NS)
end

local function no_hook()
end
local failure_hook = no_hook

local function run_plain(f)
	f()
end

local function run_packed(call)
	call.f(unpack(call, 1, call.n))
end

--- End a task that will not run any more. Only with lua54 = true there is anything to notice: its variables are closed.
function task.close(co)
	if package.loaded.lua54 then
		pcall(coroutine.close, co)
	end
end

--- An error as text. What its `__tostring` does is the user's: it may raise as well, or loop, or give no text, and the caller
-- of a request, or whoever waits for a start, must be told in any case.
function task.shown(err)
	if type(err) == "string" then
		return err
	end
	local ok, text = pcall(tostring, err)
	if ok and type(text) == "string" then
		return text
	end
	return string.format("(error object is a %s: %s)", type(err), core_raised(text) or "its __tostring gives no text")
end
local shown = task.shown

-- What became of a task after one step: nil, or the text of the error that ended it.
local function settle(co, ok, command)
	live.task = nil
	if ok then
		if command == SUSPEND or command == nil or command == QUIT then
			return nil
		end
		command = command == "USER" and "Call skynet.coroutine.yield out of skynet.coroutine.resume"
			or "Unknown command : " .. shown(command)
	end
	pool.ended()
	local interrupted, place = core_raised(command)
	failure_hook(co, interrupted or command)
	if interrupted then
		return interrupted .. "\nstack traceback:\n" .. place
	end
	return traceback(co, shown(command))
end

--- What to tell of an error that was caught: its text; of an interrupt, which comes as another one, its own with
-- the traceback.
function task.text_of(err)
	local interrupted, place = core_raised(err)
	if interrupted then
		return interrupted .. "\nstack traceback:\n" .. place
	end
	return shown(err)
end

--- Run a task until it yields or ends. Only for the dispatcher.
-- @return nil, or the error with its traceback when the task raised one
function task.step(co, ...)
	live.task = co
	return settle(co, resume(co, ...))
end
local step = task.step

--- Set what is done with a task that raised an error (one function; it gets the coroutine and the
-- error).
function task.on_failure(f)
	failure_hook = f
end

--- Begin and go on with tasks by f(co, ...) instead of coroutine.resume, for skynet.profile.
function task.resume_with(f)
	resume = f
end

--- task -> the lock that it took last (skynet/lock.lua), from which the others hang.
task.held = setmetatable({}, { __mode = "k" })

--- A task that is gone: as when it had raised this error, and its locks go to those that wait.
function task.abort(co, err)
	pool.ended()
	failure_hook(co, err)
	task.close(co)
	while task.held[co] do
		task.held[co]:release()
	end
end

local function refuse_to_wait()
	if live.blocking then
		error("nothing can wait inside skynet.blocking but what blocks the thread", 4)
	elseif live.task then
		error("attempt to yield across C-call boundary: nothing can wait in what C code calls "
			.. "(table.sort, string.gsub, ...), nor in a __gc", 4)
	end
	error("only a task can wait: do this inside skynet.start, not in the main chunk", 4)
end

--- The running task; raises an error where nothing can wait: outside of tasks, and where LuaJIT could not yield. (It would say
-- so itself, but when everything has been begun: who caught that error would be resumed later, in the middle of another wait, with
-- the answer to this one.)
function task.need()
	local co = live.task
	if co == nil or not isyieldable() then
		refuse_to_wait()
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

--- Nobody waits for `session`, whose message is still to come, any more.
function task.abandon(session)
	waiting[session] = BREAK
end

--- The message of an abandoned session will not come (any more) either.
function task.forget(session)
	if waiting[session] == BREAK then
		waiting[session] = nil
	end
end

local interrupt

-- Whatever is not a task that waits for this session.
local function answer_other(session, co)
	if co == BREAK then
		waiting[session] = nil
		return true
	end
	if session == trimmer then
		trimmer = nil
		pool.trim()
		return true
	end
	local late = deadline[session]
	if late == nil then
		return false
	end
	deadline[session] = nil
	interrupt(late, task.TIMEOUT)
	return true
end

--- Deliver an answer. Only for the dispatcher.
-- @return known, err: whether anybody waited for this session, and the error text of the task
function task.answer(session, msg, sz)
	local co = waiting[session]
	if co == nil or co == BREAK then
		return answer_other(session, co)
	end
	waiting[session] = nil
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

interrupt = function(session, verdict)
	local last = interrupts.last + 1
	interrupts[last] = session
	interrupts.verdict[last] = verdict
	interrupts.last = last
end

--- Make the call that waits for `session` fail, for this reason (text or nil); its task runs when
-- the current one has suspended.
function task.fail(session, reason)
	interrupt(session, reason)
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

local function delay_ns(cs)
	return cs > 0 and cs * NS_PER_CS or 0
end

--- Run f() in a task of its own after `cs` centiseconds; fractions count, 0 or less means "as the
-- next message".
-- @return the coroutine, for skynet.killthread
function task.timeout(cs, f)
	local session = core_timeout(delay_ns(cs))
	local co = acquire()
	defer(1)
	waiting[session] = co
	timer_body[session] = f
	timer_of[co] = session
	if live.origin then
		live.origin[co] = traceback(string.format("TIMER %d+%g : ", core.now(), cs), 2)
	end
	return co
end

--- Make the call that waits for `session` fail with task.TIMEOUT after `cs` centiseconds, unless
-- disarm(the result) comes first. Costs no coroutine.
function task.arm(cs, session)
	local timer = core_timeout(delay_ns(cs))
	deadline[timer] = session
	return timer
end

--- Take back what arm began. After it has come, or twice, it does nothing.
function task.disarm(timer)
	if deadline[timer] then
		deadline[timer] = nil
		task.cancel(timer)
	end
end

--- A timer's message shall not come, or not matter when it does.
function task.cancel(session)
	if not core_cancel(session) then
		waiting[session] = BREAK
	end
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
		task.cancel(session)
		return verdict
	end
end

--- The task that sleeps or waits with `session` is gone.
function task.retire(session)
	if timed[session] then
		timed[session] = nil
		task.cancel(session)
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

return task
