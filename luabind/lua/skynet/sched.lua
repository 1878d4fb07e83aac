-- SPDX-License-Identifier: MIT
--
-- The scheduler's side of services: what each may use of the CPU, what it has used, and how to change the
-- first while it runs. An address is a handle, ":hex" or a name; nil is the calling service.

local core = require "skynet.core"
local task = require "skynet.task"

local sched = {}

--- One info table for every service that lives, as an array.
function sched.list()
	return core.services()
end

--- Settings and live figures of the service at `addr`, or nil when nobody lives there. Times are in
-- seconds.
function sched.get(addr)
	return core.service(addr)
end

--- Change settings of the service at `addr`, from now on.
-- `settings` may have: class ("interactive", "normal", "batch": sets slice, weight and credit to that
-- class's values), and slice, weight, credit, group, which override it. Times are seconds or "500us". What
-- is not in it stays. An unknown key, a wrong type or a value out of range raises an error, and nothing is
-- changed.
-- @return true; false and the reason when nobody lives at `addr`
function sched.set(addr, settings)
	return core.setsched(addr, settings) -- a tail call, so that errors point to our caller
end

--- Read the config file again and put its scheduling part in force, as SIGHUP does. Waits for the outcome.
-- @return how many services have new settings, and an array of the keys that differ and need a restart;
-- nil and the errors, a line each, when the file has any: nothing is changed then
function sched.reload()
	task.need()
	local session, why = core.reload()
	if session == nil then
		return nil, why
	end
	local ok, msg, sz = task.await(session)
	if not ok then
		return nil, "the reload was interrupted"
	end
	local text = core.tostring(msg, sz)
	if text:sub(1, 1) == "-" then
		return nil, text:sub(2)
	end
	local restart = {}
	for key in text:gmatch "\n([^\n]+)" do
		restart[#restart + 1] = key
	end
	return tonumber(text:match "^%+(%d+)"), restart
end

--- Totals of the whole process: workers, signals, hand-offs, and `cpu`, where the time of the workers went, in
-- seconds: services + overhead + idle + taken = workers * wall. CPU of services whose worker went on without them is
-- `detached`, beside that sum; `asleep` is the part of `idle` in which services slept in system calls on a worker.
function sched.totals()
	return core.sched()
end

return sched
