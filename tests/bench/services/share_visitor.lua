-- SPDX-License-Identifier: MIT
--
-- For bench_shares.py: comes, does a little now and then, and goes. Its argument is how long it stays.

local skynet = require "skynet"

local NAP = 10

local life = tonumber((...))

skynet.start(function()
	skynet.fork(function()
		local sum = 0
		while life > 0 do
			for i = 1, 1000 do
				sum = sum + i
			end
			skynet.sleep(NAP)
			life = life - NAP
		end
		skynet.exit()
	end)
end)
