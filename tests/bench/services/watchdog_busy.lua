-- SPDX-License-Identifier: MIT
--
-- For bench_watchdog: "loop" as a message, and it works for ever; "messages ADDRESS", and it works for a moment in each of
-- the messages that it sends to itself. No skynet here: the runtime runs without the services that ship.

local core = require "skynet.core"

local function work(rounds)
	local keep = {}
	for i = 1, rounds do
		keep[i % 100 + 1] = { i }
	end
	return keep
end

core.callback(function(_, data, size)
	local kind, address = core.tostring(data, size):match "^(%a+) (%d+)$"
	if kind == "loop" then
		while true do
			work(1000)
		end
	elseif kind == "messages" then
		work(500)
		core.send(tonumber(address), 10, 0, "messages " .. address)
	end
end)
