-- SPDX-License-Identifier: MIT
--
-- Makes tables for ever: most of its time goes to the allocator and the garbage collector.

local skynet = require "skynet"

skynet.start(function()
	local keep = {}
	local i = 0
	while true do
		i = i + 1
		keep[i % 1000] = { id = i, name = "item " .. i % 100, position = { x = i, y = -i } }
	end
end)
