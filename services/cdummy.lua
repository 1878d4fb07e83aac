-- SPDX-License-Identifier: MIT
--
-- Waits for global names (".cslave"), for skynet.harbor. Launched by the first who waits for one; the
-- names themselves are the runtime's.

local skynet = require "skynet"
local core = require "skynet.core"
require "skynet.manager"

local waiters = {} -- name -> array of responders

local command = {}

--- (name, handle): somebody has got this name.
function command.REGISTER(name, handle)
	local list = waiters[name] or {}
	waiters[name] = nil
	for _, responder in ipairs(list) do
		responder(true, handle)
	end
end

--- (name) -> handle, when there is one. Who gets the name after we have looked finds our own name
-- and sends REGISTER.
function command.QUERYNAME(name)
	local handle = core.query(name)
	if handle then
		skynet.retpack(handle)
		return
	end
	waiters[name] = waiters[name] or {}
	table.insert(waiters[name], skynet.response())
end

skynet.dispatch("lua", function(_, _, cmd, ...)
	local f = command[cmd]
	if f == nil then
		error("Unknown command " .. tostring(cmd), 0)
	end
	f(...)
end)

skynet.start(function()
	skynet.register ".cslave"
end)
