-- SPDX-License-Identifier: MIT
--
-- The CPU time of a coroutine between start and stop, without the time in which it is suspended or
-- the service does not run. Loading this puts itself in the place of coroutine.resume and wrap.

local core = require "skynet.core"
local task = require "skynet.task"

local raw_resume, create, running = coroutine.resume, coroutine.create, coroutine.running
local stat = core.stat

local profile = {}

local used = setmetatable({}, { __mode = "k" }) -- coroutine -> seconds before its last resume
local since = setmetatable({}, { __mode = "k" }) -- coroutine -> the service's seconds then, while it runs

local function pause(co, ...)
	if used[co] then
		used[co] = used[co] + stat "cpu" - since[co]
	end
	return ...
end

--- As coroutine.resume.
function profile.resume(co, ...)
	if used[co] then
		since[co] = stat "cpu"
	end
	return pause(co, raw_resume(co, ...))
end
local resume = profile.resume

local function values_or_raise(ok, ...)
	if ok then
		return ...
	end
	error((...), 0)
end

--- As coroutine.wrap.
function profile.wrap(f)
	local co = create(f)
	return function(...)
		return values_or_raise(resume(co, ...))
	end
end

--- Begin to count the CPU time of a coroutine, the running one by default. Raises an error when that
-- has begun already.
function profile.start(co)
	co = co or running()
	if used[co] then
		error(string.format("Thread %p start profile more than once", co), 2)
	end
	used[co] = 0
	since[co] = stat "cpu"
end

--- End counting. Raises an error when it has not begun.
-- @return CPU seconds
function profile.stop(co)
	local caller = running()
	co = co or caller
	local seconds = used[co]
	if seconds == nil then
		error("Call profile.start() before profile.stop()", 2)
	end
	if co == caller then
		seconds = seconds + stat "cpu" - since[co]
	end
	used[co], since[co] = nil, nil
	return seconds
end

task.resume_with(resume)
coroutine.resume, coroutine.wrap = resume, profile.wrap

return profile
