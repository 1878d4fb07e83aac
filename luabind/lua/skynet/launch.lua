-- SPDX-License-Identifier: MIT
--
-- Starting other services: skynet.newservice, uniqueservice and queryservice.

local require = require("skynet.require").original -- what ships does not wait while it is loaded
local patient = require("skynet.deadline").patient

local launch = {}

--- Launch a Lua service and wait until its start function is through. Arguments are joined by
-- blanks. Raises `call failed` when it cannot be started.
-- @return its handle, or nil when it ended by skynet.exit() meanwhile
function launch.newservice(name, ...)
	return patient(".launcher", "lua", "LAUNCH", "snlua", name, ...)
end

--- The handle of the one instance of a service, launched when there is none. A leading `true` asks
-- for one per network. Raises the reason when it cannot be started.
function launch.uniqueservice(global, ...)
	if global == true then
		return assert(patient(".service", "lua", "GLAUNCH", ...))
	end
	return assert(patient(".service", "lua", "LAUNCH", global, ...))
end

--- Like uniqueservice, but waits until somebody else has launched it.
function launch.queryservice(global, ...)
	if global == true then
		return assert(patient(".service", "lua", "GQUERY", ...))
	end
	return assert(patient(".service", "lua", "QUERY", global, ...))
end

return launch
