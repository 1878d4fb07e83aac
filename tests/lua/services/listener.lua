-- SPDX-License-Identifier: MIT
-- A service that listens to a channel, and tells what it heard last.

local skynet = require "skynet"
local multicast = require "skynet.multicast"

local last

skynet.dispatch("lua", function()
	skynet.sleep(2)
	skynet.retpack(last)
end)

local number = tonumber((...))

skynet.start(function()
	multicast.new({
		channel = number,
		dispatch = function(_, _, text)
			last = text
		end,
	}):subscribe()
end)
