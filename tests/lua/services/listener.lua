-- SPDX-License-Identifier: MIT
-- A service that listens to a channel, and tells what it heard last.

local skynet = require "skynet"
local multicast = require "skynet.multicast"

local last, channel -- luacheck: ignore

skynet.dispatch("lua", function()
	skynet.sleep(2)
	skynet.retpack(last)
end)

local number = tonumber((...))

skynet.start(function()
	-- Held: one that the collector takes is unsubscribed.
	channel = multicast.new {
		channel = number,
		dispatch = function(_, _, text)
			last = text
		end,
	}
	channel:subscribe()
end)
