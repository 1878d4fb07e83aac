-- SPDX-License-Identifier: MIT
--
-- Keeps the channels of skynet.multicast: who has subscribed to which, and passes messages on.

local skynet = require "skynet"
local core = require "skynet.core"

local STEP = 256 -- skynet keeps the number of the node in the low eight bits; here it is 0

local channels = {} -- number -> subscribers: handle -> true
local last = 0

local command = {}

--- () -> number of a new channel
function command.NEW()
	last = last + STEP
	channels[last] = {}
	return last
end

--- (number): the channel is no more
function command.DEL(_, number)
	channels[number] = nil
end

-- nil for a channel that was deleted: whoever still publishes there, or joins late, is not wrong, and skynet says nothing either.
local function subscribers_of(number)
	if type(number) ~= "number" or number % STEP ~= 0 or number < STEP or number > last then
		error(string.format("there is no channel %s", tostring(number)), 0)
	end
	return channels[number]
end

--- (number): the sender gets what is published
function command.SUB(source, number)
	local set = subscribers_of(number)
	if set then
		set[source] = true
	end
end

--- (number): and no more
function command.USUB(source, number)
	local set = channels[number]
	if set then
		set[source] = nil
	end
end

--- (number, packed values): to all subscribers, under the name of the publisher. Those that are dead
-- are forgotten.
function command.PUB(source, number, body)
	local set = subscribers_of(number)
	local text = string.format("%08x", number) .. body
	for handle in pairs(set or {}) do
		if core.redirect(handle, source, skynet.PTYPE_MULTICAST, 0, text) == nil then
			set[handle] = nil
		end
	end
end

skynet.dispatch("lua", function(session, source, cmd, ...)
	local f = command[cmd]
	if f == nil then
		error("Unknown command " .. tostring(cmd), 0)
	end
	local result = f(source, ...)
	if session ~= 0 then
		skynet.retpack(result)
	end
end)

skynet.start(function()
end)
