-- SPDX-License-Identifier: MIT
--
-- The manager of unique services (".service"): at most one instance per name lives. A failed launch
-- is told to those who waited for it and then forgotten; an instance that died is launched anew by
-- the next request.

local skynet = require "skynet"
local core = require "skynet.core"
require "skynet.manager"

local instances = {} -- name -> handle
local former = {} -- name -> handle of the last instance that was found dead
local launching = {} -- name -> true
local reviving = {} -- handle that the watchdog has killed -> its name, while the launcher starts it again
local waiters = {} -- name -> array of { handle, err }, also the tokens that the tasks wait on

local command = {}

-- The one of the network is another one than the one of the node, also where there is one node: as in skynet its name begins with "@".
local GLOBAL = "@"

-- snaxd is the host of many services: the one that it hosts gives the name.
-- @return what an instance is known by, and the file that it is made of
local function unique_name(name, hosted)
	if type(name) ~= "string" and type(name) ~= "number" then
		error("the name of a service expected, got " .. type(name), 0)
	end
	local file = tostring(name):gsub("^" .. GLOBAL, "")
	return file == "snaxd" and name .. "." .. tostring(hosted) or name, file
end

local function living(name)
	local handle = instances[name]
	if handle and core.alive(handle) then
		return handle
	end
	former[name], instances[name] = handle, nil
end

local function settle(name, handle, err)
	launching[name] = nil
	instances[name] = handle
	local list = waiters[name] or {}
	waiters[name] = nil
	for _, waiter in ipairs(list) do
		waiter.handle, waiter.err = handle, err
		skynet.wakeup(waiter)
	end
end

local function wait_for(name)
	local waiter = {}
	waiters[name] = waiters[name] or {}
	table.insert(waiters[name], waiter)
	skynet.wait(waiter)
	if waiter.handle == nil then
		error(waiter.err, 0)
	end
	return waiter.handle
end

-- A snax service gets its arguments as they are, by a request of its own.
local function start(file, hosted, ...)
	if file == "snaxd" then
		return require("skynet.snax").rawnewservice(hosted, ...)
	end
	return skynet.newservice(file, hosted, ...)
end

local function launch(name, ...)
	launching[name] = true
	local ok, handle = pcall(start, ...)
	local err
	if not ok then
		handle, err = nil, tostring(handle)
	elseif handle == nil then
		err = string.format("service %s ended while it started", name)
	end
	settle(name, handle, err)
	if err then
		error(err, 0)
	end
	return handle
end

--- The instance of a service; launched when there is none.
function command.LAUNCH(wanted, hosted, ...)
	local name, file = unique_name(wanted, hosted)
	local handle = living(name)
	if handle then
		return handle
	elseif launching[name] then
		return wait_for(name)
	end
	return launch(name, file, hosted, ...)
end

--- The instance of a service; waits until somebody launches it.
function command.QUERY(wanted, hosted)
	local name = unique_name(wanted, hosted)
	return living(name) or wait_for(name)
end

--- LAUNCH and QUERY of the one of the network.
function command.GLAUNCH(wanted, ...)
	return command.LAUNCH(GLOBAL .. tostring(wanted), ...)
end

function command.GQUERY(wanted, ...)
	return command.QUERY(GLOBAL .. tostring(wanted), ...)
end

local function name_of(handle)
	for _, list in ipairs { instances, former } do
		for name, instance in pairs(list) do
			if instance == handle then
				return name
			end
		end
	end
end

--- From the launcher: the watchdog has killed `handle`, and it will be started again. Who asks for it waits.
-- @return false: it was launched anew already
function command.REVIVING(handle)
	local name = name_of(handle)
	if name == nil then
		return true -- not a unique one
	elseif launching[name] or (instances[name] and instances[name] ~= handle) then
		return false
	end
	instances[name], launching[name], reviving[handle] = nil, true, name
	return true
end

--- From the launcher: `new` has taken its place; nil: nothing will.
function command.REVIVED(handle, new)
	local name = reviving[handle]
	reviving[handle] = nil
	if name then
		settle(name, new, not new and string.format("service %s was killed by the watchdog", name) or nil)
	end
end

--- name -> address, or what is going on, of all unique services.
function command.LIST()
	local list = {}
	for name in pairs(instances) do
		local handle = living(name)
		list[name] = handle and skynet.address(handle)
	end
	for name in pairs(launching) do
		list[name] = "launching"
	end
	for name, waiting in pairs(waiters) do
		if not launching[name] then
			list[name] = string.format("not launched, %d wait for it", #waiting)
		end
	end
	return list
end

local function reply(ok, result)
	if ok then
		skynet.retpack(result)
	else
		skynet.retpack(nil, result)
	end
end

skynet.dispatch("lua", function(session, _, cmd, ...)
	local f = command[cmd]
	if f == nil then
		skynet.retpack(nil, "Invalid command " .. tostring(cmd))
	elseif session == 0 then
		f(...)
	else
		reply(pcall(f, ...))
	end
end)

skynet.start(function()
	skynet.register "SERVICE"
end)
