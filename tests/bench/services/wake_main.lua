-- SPDX-License-Identifier: MIT
--
-- For bench_wake.py: one light service that sleeps 1 to 5 ms at a time and notes how much more it was,
-- beside `hogs` services `hog`, which do `kind` for ever. Prints LATE and the microseconds, in lines of a
-- hundred. A figure with a ! is of a sample in which the machine kept our threads from running for
-- longer than DISTURBED_NS.

local skynet = require "skynet"
local sched = require "skynet.sched"
local disturbance = dofile(skynet.getenv "bench" .. "/services/disturbance.lua")

local NS_PER_CS = 1e7
local DISTURBED_NS = 20e3

local function measure(seconds)
	local late = {}
	local last_ns = skynet.hpc() + seconds * 1e9
	while skynet.hpc() < last_ns do
		local sleep_cs = 0.1 + 0.4 * math.random()
		local before = disturbance.now()
		local begin_ns = skynet.hpc()
		skynet.sleep(sleep_cs)
		local late_us = (skynet.hpc() - begin_ns - sleep_cs * NS_PER_CS) / 1000
		local disturbed = disturbance.between(before, disturbance.now()) > DISTURBED_NS
		late[#late + 1] = string.format("%.1f%s", late_us, disturbed and "!" or "")
	end
	return late
end

local function stopped(hogs)
	local preemptions, handoffs = 0, 0
	for _, hog in ipairs(hogs) do
		local info = sched.get(hog)
		preemptions = preemptions + info.preemptions
		handoffs = handoffs + info.handoffs
	end
	return preemptions, handoffs
end

skynet.start(function()
	local hogs = {}
	for i = 1, tonumber(skynet.getenv "hogs") do
		hogs[i] = skynet.newservice(skynet.getenv "hog", skynet.getenv "kind")
		skynet.send(hogs[i], "lua", "go")
	end
	skynet.sleep(20)
	local late = measure(tonumber(skynet.getenv "seconds"))
	for i = 1, #late, 100 do
		print("LATE " .. table.concat(late, " ", i, math.min(i + 99, #late)))
	end
	print(string.format("STOPPED %d %d", stopped(hogs)))
end)
