-- SPDX-License-Identifier: MIT
-- Ten light services, first alone, then beside hogs. Settings: hog_kind, hog_count, window_cs. Prints
-- RESULT and what was measured, as name=value.

local skynet = require "skynet"
local sched = require "skynet.sched"

local LIGHTS = 10

local function setting(name)
	return tonumber(skynet.getenv(name))
end

-- Rounds in the window: of all, of the slowest; the latest wake-up; the part of it that the machine took from the worker.
local function measure(lights)
	for _, light in ipairs(lights) do
		skynet.call(light, "lua", "stat")
	end
	local begin, taken = skynet.hpc(), sched.totals().cpu.taken
	skynet.sleep(setting "window_cs")
	local span = (skynet.hpc() - begin) / 1e9
	taken = (sched.totals().cpu.taken - taken) / span
	local all, least, latest = 0, math.huge, 0
	for _, light in ipairs(lights) do
		local rounds, late = skynet.call(light, "lua", "stat")
		all = all + rounds
		least = math.min(least, rounds)
		latest = math.max(latest, late)
	end
	return { rate = all / span, least = least, average = all / LIGHTS, latest = latest, taken = taken }
end

-- The fewest preemptions and hand-offs that one of the hogs had.
local function least_stopped(hogs)
	local least, all = math.huge, 0
	for _, handle in ipairs(hogs) do
		local s = assert(sched.get(handle))
		local stopped = s.preemptions + s.handoffs
		least = math.min(least, stopped)
		all = all + stopped
	end
	return least, all
end

skynet.start(function()
	local echo = skynet.newservice "echo"
	local lights, hogs = {}, {}
	for i = 1, LIGHTS do
		lights[i] = skynet.newservice("light", echo)
	end
	for i = 1, setting "hog_count" do
		hogs[i] = skynet.newservice("hog", skynet.getenv "hog_kind")
	end
	skynet.sleep(10)
	local before = measure(lights)
	for _, hog in ipairs(hogs) do
		skynet.send(hog, "lua", "go")
	end
	skynet.sleep(10)
	local beside = measure(lights)
	local least, all = least_stopped(hogs)
	print(string.format("RESULT base=%.3f rate=%.3f least=%d average=%.3f base_late_us=%.0f "
		.. "late_us=%.0f stopped_least=%d stopped=%d taken=%.3f", before.rate, beside.rate, beside.least,
		beside.average, before.latest, beside.latest, least, all, beside.taken))
end)
