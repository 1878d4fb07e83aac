-- SPDX-License-Identifier: MIT
--
-- Sorts for ever with a comparator in Lua: C code that calls Lua code, where no coroutine can
-- yield.

local skynet = require "skynet"

skynet.start(function()
	local players = {}
	while true do
		for i = 1, 20000 do
			players[i] = { score = math.random(1, 1e6) }
		end
		table.sort(players, function(a, b)
			return a.score > b.score
		end)
	end
end)
