-- SPDX-License-Identifier: MIT
--
-- For bench_skynet.py; it runs on skynet too, so it uses nothing but what both have. Messages between pairs of
-- services, for some seconds per way and number of pairs. Prints FIGURE, the name, operations and their CPU time in us.

local skynet = require "skynet"

local PAIRS = { 1, 16 }
local WAYS = { "call", "send" }

local pings = {}

-- All threads of the process, with what the kernel did for them.
local cpu_s = os.clock

-- Operations that the first `pairs` pairs have done until then.
local function exchange(pairs, way, until_ns)
	local task = coroutine.running()
	local operations, busy = 0, pairs
	for i = 1, pairs do
		skynet.fork(function()
			local done = skynet.call(pings[i], "lua", way, until_ns)
			operations = operations + done -- not in one line: the others add while this one waits
			busy = busy - 1
			if busy == 0 then
				skynet.wakeup(task)
			end
		end)
	end
	skynet.wait(task)
	return operations
end

local function in_seconds(s)
	return skynet.hpc() + s * 1e9
end

local function measure(pairs, way, seconds)
	exchange(pairs, way, in_seconds(seconds / 4))
	local before_s = cpu_s()
	local operations = exchange(pairs, way, in_seconds(seconds))
	print(string.format("FIGURE %s %d %.0f %.0f", way, pairs, operations, (cpu_s() - before_s) * 1e6))
end

skynet.start(function()
	for i = 1, PAIRS[#PAIRS] do
		pings[i] = skynet.newservice("skynet_ping", skynet.newservice "throughput_pong")
	end
	for _, way in ipairs(WAYS) do
		for _, pairs in ipairs(PAIRS) do
			measure(pairs, way, tonumber(skynet.getenv "seconds"))
		end
	end
	print "END"
end)
