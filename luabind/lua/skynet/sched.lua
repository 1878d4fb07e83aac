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

return sched
