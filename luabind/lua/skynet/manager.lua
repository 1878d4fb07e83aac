-- SPDX-License-Identifier: MIT
--
-- What only the services that manage others should do: launch, kill, names. Extends and returns the
-- skynet module.

local skynet = require "skynet"
local core = require "skynet.core"
local call = require "skynet.call"

--- Launch a service of any kind without waiting for its start.
-- @return its handle; nil and the reason when it cannot be created
function skynet.launch(...)
	local words = { ... }
	for i = 1, select("#", ...) do
		words[i] = tostring(words[i])
	end
	return core.launch(table.concat(words, " "))
end

--- End another service (handle, ":hex" or name) at once. Requests that it has not answered fail.
function skynet.kill(addr)
	local handle = call.handle_of(addr)
	if handle then
		skynet.send(".launcher", "lua", "REMOVE", handle, true)
		core.kill(handle)
	end
end

--- End all services and the process, with exit status 0.
function skynet.abort()
	core.abort()
end

local function bind(name, handle)
	if name:sub(1, 1) == "." then
		core.register(name, handle)
	else
		require("skynet.harbor").globalname(name, handle)
	end
end

--- Give this service a name: ".n", or up to 15 characters, not a number, for a global one. The
-- first owner keeps a name.
function skynet.register(name)
	bind(name, core.self())
end

--- Give another service (handle or address string) a name.
function skynet.name(name, addr)
	local handle = call.handle_of(addr)
	if handle then
		bind(name, handle)
	end
end

--- Receive messages of some types without their payload being freed, to pass them on: `map` gives
-- for each such type the type under which it is dispatched here. The handler owns the payload and
-- must redirect or trash it.
function skynet.forward_type(map, start)
	core.callback(function(ptype, msg, sz, session, source)
		local mapped = map[ptype]
		if mapped then
			skynet.dispatch_message(mapped, msg, sz, session, source)
			return
		end
		local ok, err = pcall(skynet.dispatch_message, ptype, msg, sz, session, source)
		core.trash(msg, sz)
		if not ok then
			error(err, 0)
		end
	end, true)
	skynet.timeout(0, function()
		skynet.init_service(start)
	end)
end

--- Start with every message going through f(type, msg, sz, session, source) first, which returns
-- the same five values.
function skynet.filter(f, start)
	core.callback(function(...)
		skynet.dispatch_message(f(...))
	end)
	skynet.timeout(0, function()
		skynet.init_service(start)
	end)
end

--- Let the unique service `service` know of every service that ends: it gets a message of type
-- PTYPE_CLIENT, session 0, whose source is the dead handle. With `query` the service must have
-- been launched by somebody.
-- @return its handle
function skynet.monitor(service, query)
	local find = query and skynet.queryservice or skynet.uniqueservice
	local monitor = find(true, service)
	skynet.call(".launcher", "lua", "MONITOR", monitor)
	return monitor
end

return skynet
