-- SPDX-License-Identifier: MIT
--
-- Global names, and links to other nodes. There is one node here, so a link to another one is down.

local require = require("skynet.require").original -- what ships does not wait while it is loaded
local core = require "skynet.core"
local call = require "skynet.call"
local patient = require("skynet.deadline").patient

local NAME_MAX = 15

local harbor = {}

--- Give a service (this one by default) a global name: up to 15 characters, not a number, not
-- beginning with "." or ":". The first owner keeps it.
-- Raises `assertion failed!` for another name.
function harbor.globalname(name, handle)
	handle = handle or core.self()
	assert(#name <= NAME_MAX and tonumber(name) == nil and not name:find "^[.:]")
	if core.register(name, handle) then
		call.send(".cslave", "lua", "REGISTER", name, handle) -- there only when somebody has waited for a name
	else
		core.error(string.format("The global name %s is taken", name))
	end
end

--- The handle behind a global name; waits until somebody has it. For a local name (".n") it does not
-- wait, and gives nil when nobody has it.
function harbor.queryname(name)
	local handle = core.query(name)
	if handle or name:sub(1, 1) == "." then
		return handle
	end
	local keeper = assert(patient(".service", "lua", "LAUNCH", "cdummy"))
	return patient(keeper, "lua", "QUERYNAME", name)
end

--- Returns when the link to another node is down: at once.
function harbor.link(id)
	assert(type(id) == "number")
end

--- Would return when another node is up. Raises `call failed`, since there is none.
function harbor.connect(id)
	assert(type(id) == "number")
	core.error "Can't connect to other harbor in single node mode"
	error("call failed: there is one node", 0)
end

--- Returns when the link to the master is down: at once.
function harbor.linkmaster()
end

return harbor
