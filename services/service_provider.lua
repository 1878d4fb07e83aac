-- SPDX-License-Identifier: MIT
--
-- Keeps the services that skynet.service makes of functions: one that lives for each name. A failed
-- start is told to those who waited for it and then forgotten.

local skynet = require "skynet"
local core = require "skynet.core"
require "skynet.manager"

local handles = {} -- name -> handle
local starting = {} -- name -> true
local waiters = {} -- name -> array of responders

local command = {}

local function living(name)
	local handle = handles[name]
	if handle and core.alive(handle) then
		return handle
	end
	handles[name] = nil
end

local function wait_for(name)
	waiters[name] = waiters[name] or {}
	table.insert(waiters[name], skynet.response())
end

local function tell_waiters(name, ok, value)
	local list = waiters[name] or {}
	waiters[name] = nil
	for _, responder in ipairs(list) do
		responder(ok, value)
	end
end

local function start_cell(name, code, ...)
	local handle = skynet.newservice("service_cell", name)
	local ok, err = pcall(skynet.call, handle, "lua", "init", code, ...)
	if not ok then
		skynet.kill(handle)
		error((err:gsub("^call failed: ", "")), 0) -- our own caller's call fails too
	end
	return handle
end

--- (name, bytecode, ...) -> handle of the service, started if there is none
function command.LAUNCH(name, code, ...)
	local handle = living(name)
	if handle then
		return skynet.retpack(handle)
	elseif starting[name] then
		return wait_for(name)
	end
	starting[name] = true
	local ok, result = pcall(start_cell, name, code, ...)
	starting[name] = nil
	handles[name] = ok and result or nil
	tell_waiters(name, ok, result)
	if not ok then
		error(result, 0)
	end
	skynet.retpack(result)
end

--- (name) -> handle, when there is one
function command.QUERY(name)
	local handle = living(name)
	if handle then
		skynet.retpack(handle)
	else
		wait_for(name)
	end
end

--- (name) -> whether there was one to end
function command.CLOSE(name)
	local handle = living(name)
	handles[name] = nil
	if handle then
		skynet.kill(handle)
	end
	skynet.retpack(handle ~= nil)
end

skynet.dispatch("lua", function(_, _, cmd, ...)
	local f = command[cmd]
	if f == nil then
		error("Unknown command " .. tostring(cmd), 0)
	end
	f(...)
end)

skynet.start(function()
end)
