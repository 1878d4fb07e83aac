-- SPDX-License-Identifier: MIT
--
-- For bench_shares.py: starts the services that `burns` names, which compute for ever, and `visitors`
-- light ones, each of which is replaced when it has gone. Prints once a second how much CPU each of the
-- first has used so far.

local skynet = require "skynet"
local sched = require "skynet.sched"
require "skynet.manager"

local SECOND = 100
local LIFE = 100 -- of a visitor, on average

local burns = {}
local came = 0

local function receive_visitors()
	while true do
		local life = math.random(LIFE / 2, LIFE * 3 / 2)
		skynet.newservice("share_visitor", life)
		came = came + 1
		skynet.sleep(life)
	end
end

-- Read in one go and without a table for every service there is: on one worker nobody runs meanwhile.
local function print_sample()
	local cpu = {}
	for i, burn in ipairs(burns) do
		cpu[i] = sched.get(burn).cpu
	end
	for i in ipairs(burns) do
		cpu[i] = string.format("%.6f", cpu[i])
	end
	print(string.format("SAMPLE %d %s", came, table.concat(cpu, " ")))
end

skynet.start(function()
	for name in skynet.getenv("burns"):gmatch "%S+" do
		burns[#burns + 1] = skynet.newservice(name)
	end
	for _, burn in ipairs(burns) do
		skynet.send(burn, "lua", "go")
	end
	for _ = 1, tonumber(skynet.getenv "visitors") do
		skynet.fork(receive_visitors)
	end
	skynet.sleep(SECOND)
	for _ = 0, tonumber(skynet.getenv "samples") do
		print_sample()
		skynet.sleep(SECOND)
	end
	print "END"
end)
