-- SPDX-License-Identifier: MIT
--
-- Services made of a function, one instance for each name. The service service_provider keeps them.

local skynet = require "skynet"
local patient = require("skynet.require").original("skynet.deadline").patient

local service = {}

local function provider()
	return skynet.uniqueservice "service_provider"
end

-- The function travels as bytecode, and upvalues do not.
local function code_of(f)
	assert(debug.getinfo(f, "u").nups == 0)
	return string.dump(f)
end

--- The service `name`; the first call for it starts a new one and runs mainfunc(...) in there, the
-- others wait for that. mainfunc is written like a main chunk and must not use local variables from
-- outside of it.
-- Raises `assertion failed!` when it does, and `call failed` when it fails; the next call then
-- tries again.
-- @return its handle
function service.new(name, mainfunc, ...)
	return patient(provider(), "lua", "LAUNCH", name, code_of(mainfunc), ...)
end

--- The handle of the service `name`; waits until somebody has made it.
function service.query(name)
	return patient(provider(), "lua", "QUERY", name)
end

--- End the service `name`.
-- @return whether there was one
function service.close(name)
	return skynet.call(provider(), "lua", "CLOSE", name)
end

return service
