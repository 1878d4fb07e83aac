-- SPDX-License-Identifier: MIT
--
-- A service as most of them are: it waits, does a little, waits again. A round is 10 ms of sleep
-- and one question to echo. Its lateness is how much later than after 10 ms it runs again.

local skynet = require "skynet"

local CENTISECOND_NS = 1e7

local rounds = 0
local lateness_us = {} -- one figure per round since the last report

local function round()
	local begin = skynet.hpc() -- nanoseconds
	skynet.sleep(1) -- skynet's unit is 1/100 s
	lateness_us[#lateness_us + 1] = (skynet.hpc() - begin - CENTISECOND_NS) / 1000
	assert(skynet.call(".echo", "lua", "hello", rounds) == "hello")
	rounds = rounds + 1
end

local command = {}

function command.REPORT()
	local report = { rounds = rounds, lateness_us = lateness_us }
	rounds, lateness_us = 0, {}
	return report
end

skynet.start(function()
	skynet.dispatch("lua", function(session, address, cmd, ...)
		skynet.retpack(command[cmd](...))
	end)
	skynet.fork(function()
		while true do
			round()
		end
	end)
end)
