-- SPDX-License-Identifier: MIT
--
-- A tree of values that all services share, kept by the service datacenterd under the name
-- DATACENTER.

local skynet = require "skynet"
local patient = require("skynet.require").original("skynet.deadline").patient

local datacenter = {}

--- The value at the path of keys; nil when there is none. A branch is given as a table. Raises `call
-- failed` when the path goes through a value that is no branch.
function datacenter.get(...)
	return skynet.call("DATACENTER", "lua", "QUERY", ...)
end

--- set(key, ..., value): put a value (nil: remove it).
-- @return the value before
function datacenter.set(...)
	return skynet.call("DATACENTER", "lua", "UPDATE", ...)
end

--- Like get, but waits until there is a value, for ever if need be. Raises `call failed` when
-- others wait for something below or above that path, or when it becomes a branch.
function datacenter.wait(...)
	return patient("DATACENTER", "lua", "WAIT", ...)
end

return datacenter
