-- SPDX-License-Identifier: MIT
--
-- What the scheduler knows about services: their state, weight, slice, CPU time and the like.

local core = require "skynet.core"
local call = require "skynet.call"

local sched = {}

--- One info table for every service that lives, as an array.
function sched.list()
	return core.services()
end

--- The info table of the service at `addr` (handle, ":hex" or name), or nil when nobody lives
-- there.
function sched.get(addr)
	local handle = call.handle_of(addr)
	return handle and core.service(handle)
end

--- Totals of the whole process: workers, signals, hand-offs, and `cpu`, where the time of the workers went, in
-- seconds: services + overhead + idle + taken = workers * wall. CPU of services whose worker went on without them is
-- `detached`, beside that sum; `asleep` is the part of `idle` in which services slept in system calls on a worker.
function sched.totals()
	return core.sched()
end

return sched
