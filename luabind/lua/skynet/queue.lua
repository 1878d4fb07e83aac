-- SPDX-License-Identifier: MIT
--
-- A lock for the tasks of one service, across their waits: `local lock = require "skynet.queue" ()`,
-- then `lock(f, ...)`. First come, first served.

local Lock = require "skynet.lock"

local traceback, xpcall, error = debug.traceback, xpcall, error

local function leave(lock, ok, ...)
	lock:leave()
	if not ok then
		error((...), 0)
	end
	return ...
end

--- A new lock: a function (f, ...) that waits until it is this task's turn, runs f(...) and gives
-- its results. Within f the same task may use the lock again. An error in f is raised, with its
-- traceback, after the lock was passed on. Raises `deadlock: ...`, without running f, when tasks wait for each other in
-- a circle of which this one is the youngest wait (skynet/deadlock.lua).
return function()
	local lock = Lock.new()
	return function(f, ...)
		lock:enter()
		return leave(lock, xpcall(f, traceback, ...))
	end
end
