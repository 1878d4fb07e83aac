-- SPDX-License-Identifier: MIT
-- A light service: sleeps 10 ms, calls the echo service (its argument), and again. Asked for "stat" it
-- gives the rounds since the last time it was asked, and the latest wake-up meanwhile in microseconds.

local skynet = require "skynet"

local echo = tonumber((...))
local rounds, latest = 0, 0

local function one_round()
	local begin = skynet.hpc()
	skynet.sleep(1)
	local late = (skynet.hpc() - begin) / 1000 - 10000
	local sent = math.random(1e9)
	assert(skynet.call(echo, "lua", sent) == sent, "a wrong echo")
	rounds = rounds + 1
	latest = late > latest and late or latest
end

skynet.start(function()
	skynet.dispatch("lua", function()
		skynet.retpack(rounds, latest)
		rounds, latest = 0, 0
	end)
	skynet.fork(function()
		while true do
			one_round()
		end
	end)
end)
