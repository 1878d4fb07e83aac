-- SPDX-License-Identifier: MIT
--
-- The scheduler's side of services: what each may use of the CPU, what it has used, and how to change the
-- first while it runs. An address is a handle, ":hex" or a name; nil is the calling service.

local core = require "skynet.core"
local task = require "skynet.task"
local call = require "skynet.call"
local say = require("skynet.require").original "skynet.say"

local sched = {}

--- One info table for every service that lives, as an array.
function sched.list()
	return core.services()
end

--- Settings and live figures of the service at `addr`, or nil when nobody lives there. Times are in
-- seconds. While `demoted` is true it has less than its settings say, and gets them back when it behaves.
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

--- Raise an error in the handler of the message that the service at `addr` is at: `FILE:LINE: interrupted by :ADDRESS`.
-- No pcall and no coroutine of the service keeps it; its caller gets it, and the service lives on. Does not wait for
-- it. Where no hook can fire (a compiled loop, a loop in a message handler of xpcall or in __gc, C code), the service
-- is killed after 100 ms of CPU. An address that is no address, and the caller's own, raise an error.
-- @return true; false and the reason when nobody lives at `addr`, or it is between two messages
function sched.interrupt(addr)
	return core.interrupt(addr)
end

--- End the service at `addr` at once, whatever it does: requests that it has not answered fail, its name and its handle
-- are free. The policy `restart` is for kills by the watchdog: this one is final. An address that is no address, and
-- the caller's own, raise an error.
-- @return true; false and the reason when nobody lives at `addr`
function sched.kill(addr)
	local handle = type(addr) == "string" and call.handle_of(addr) or addr
	if handle == core.self() then
		error("a service cannot kill itself: use skynet.exit", 2)
	end
	local killed = core.kill(addr)
	if not killed then
		return false, "no service lives at " .. say.address(addr)
	end
	call.send(".launcher", "lua", "REMOVE", handle, true)
	return true
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
