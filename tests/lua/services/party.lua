-- SPDX-License-Identifier: MIT
--
-- A party to deadlocks: party MODE. It handles its messages in the order that the mode says, and calls others
-- from within.

local skynet = require "skynet"
local queue = require "skynet.queue"

local mode = ...
local command = {}
local locks = { queue(), queue() }
local handled = 0

-- (key, ...): the key is for the mode "key"
local function reach(addr, ...)
	return skynet.call(addr, "lua", ...)
end

--- (centiseconds before, address, ...): the answer of a call
function command.CALL(_, cs, addr, ...)
	skynet.sleep(cs)
	return reach(addr, ...)
end

function command.TRY(_, cs, addr, ...)
	skynet.sleep(cs)
	return tostring(select(2, pcall(reach, addr, ...)))
end

function command.CALLTIMEOUT(_, limit, addr, ...)
	return skynet.calltimeout(limit, addr, "lua", ...)
end

--- In lock n.
function command.LOCKED(_, n, cmd, ...)
	return locks[n](command[cmd], nil, ...)
end

--- In both locks, in this order.
function command.BOTH(_, first, second, cs)
	return locks[first](function()
		skynet.sleep(cs)
		return locks[second](function()
			return "both"
		end)
	end)
end

function command.SLEEP(_, cs)
	skynet.sleep(cs)
	return "slept"
end

function command.SELECT(_, addr, ...)
	for _, answer in skynet.request({ addr, "lua", ... }):select(30) do
		return answer and answer[1]
	end
	return "nothing"
end

--- Answered by another task, later.
function command.DETACHED(_, cs, addr, ...)
	local responder = skynet.response()
	skynet.timeout(cs, function()
		responder(true, "detached")
	end)
	reach(addr, ...)
end

--- From one address of a list to the next, with a wait before each.
function command.WALK(_, cs, addresses)
	skynet.sleep(cs)
	local addr = table.remove(addresses)
	return addr and reach(addr, "WALK", 0, cs, addresses) or "walked"
end

function command.HANDLED()
	return handled
end

local function handle(session, _, cmd, key, ...)
	handled = handled + 1
	if cmd == "DETACHED" or session == 0 then
		return command[cmd](key, ...)
	end
	skynet.retpack(command[cmd](key, ...))
end

local options = {
	serial = { serial = true },
	key = {
		key = function(_, key)
			return key
		end,
	},
}

skynet.dispatch("lua", handle, options[mode])
skynet.start(function()
end)
