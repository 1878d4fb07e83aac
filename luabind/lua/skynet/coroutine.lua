-- SPDX-License-Identifier: MIT
--
-- Coroutines for use within a task: what waits inside of one (call, sleep, ...) suspends the whole
-- task, and the coroutine goes on when the task does. Only yield and resume of this module pass
-- values between a coroutine and who resumed it.

local task = require "skynet.task"

local close, create, raw_status = coroutine.close, coroutine.create, coroutine.status
local running, yield = coroutine.running, coroutine.yield
local live = task.live

local USER = "USER" -- what a coroutine yields first when it means its resumer and not the dispatcher

local M = {}

local owner_of = setmetatable({}, { __mode = "k" }) -- coroutine -> task that runs or ran it; false: none yet
local blocked = setmetatable({}, { __mode = "k" }) -- coroutine -> true while its task is suspended
local closed = setmetatable({}, { __mode = "k" })
local failures = setmetatable({}, { __mode = "k" }) -- coroutine -> { the error that ended it }, until close tells

--- A coroutine of f, for use with this module.
function M.create(f)
	local co = create(f)
	owner_of[co] = false
	return co
end

local continue

local function unblock(co, ...)
	blocked[co] = nil
	return continue(co, coroutine.resume(co, ...))
end

continue = function(co, ok, ...)
	if not ok then
		owner_of[co] = nil
		failures[co] = { (...) }
		return false, (...)
	elseif raw_status(co) == "dead" then
		owner_of[co] = nil
		return true, ...
	elseif (...) == USER then
		return true, select(2, ...)
	end
	-- It waits for something: so does the task, which goes on with co when the dispatcher resumes it.
	blocked[co] = true
	return unblock(co, yield(...))
end

--- Go on with a coroutine until it yields (by this module's yield) or ends.
-- @return true and what it yielded or returned; false and the reason
function M.resume(co, ...)
	if closed[co] or raw_status(co) == "dead" then
		return false, "cannot resume dead coroutine"
	elseif owner_of[co] == nil then
		return false, "cannot resume none skynet coroutine"
	elseif blocked[co] then
		return false, "cannot resume a skynet coroutine suspend by skynet framework"
	elseif raw_status(co) ~= "suspended" then
		return false, "cannot resume non-suspended coroutine"
	end
	owner_of[co] = live.task or false
	return continue(co, coroutine.resume(co, ...))
end

--- Suspend the running coroutine; its resumer gets the values. Directly in a task it is an error,
-- which ends the task.
function M.yield(...)
	return yield(USER, ...)
end

--- "running", "suspended", "normal", "dead", or "blocked" when its task waits for something.
function M.status(co)
	if closed[co] then
		return "dead"
	end
	local status = raw_status(co)
	if status == "suspended" and blocked[co] then
		return "blocked"
	end
	return status
end

--- The running coroutine.
M.running = running

--- Whether the caller may yield: within a task or a coroutine of one.
function M.isyieldable()
	return live.task ~= nil
end

--- The task that a coroutine (the running one by default) belongs to, and whether it is that task.
-- @return coroutine, boolean
function M.thread(co)
	co = co or running()
	local owner = owner_of[co]
	if owner then
		return owner, false
	end
	return co, owner == nil
end

local function values_or_raise(ok, ...)
	if ok then
		return ...
	end
	error((...), 0)
end

--- A function that resumes a new coroutine of f, gives what it yields or returns, and raises its
-- errors.
function M.wrap(f)
	local co = M.create(f)
	return function(...)
		return values_or_raise(M.resume(co, ...))
	end
end

--- End a suspended coroutine, also one whose task waits in it: who has resumed it then gets `cannot resume dead
-- coroutine`, when that wait is over. Raises an error for a running one.
-- @return true; false and the error when it was ended by one, once
function M.close(co)
	local status = M.status(co)
	if status == "running" or status == "normal" then
		error("cannot close a " .. status .. " coroutine", 2)
	end
	local failure = failures[co]
	closed[co], owner_of[co], failures[co] = true, nil, nil
	local ok, err = close(co)
	if failure then
		return false, failure[1]
	elseif not ok then
		return false, err -- of a variable that was closed
	end
	return true
end

return M
