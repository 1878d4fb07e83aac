-- SPDX-License-Identifier: MIT
--
-- For bench_idle10k.py: starts `idle` services that do nothing and then `pairs` pairs that work in windows.
-- Two processes take turns: the file `turns` says when the first window of this one begins, by the
-- monotonic clock, how long one is, and how long until the next begins.

local skynet = require "skynet"
local sched = require "skynet.sched"

local function setting(name)
	return tonumber(skynet.getenv(name))
end

local function resident_kb()
	for line in io.lines "/proc/self/status" do
		local kb = line:match "^VmRSS:%s+(%d+) kB"
		if kb then
			return tonumber(kb)
		end
	end
end

local function start_idle()
	local kb, begin_ns, cpu = resident_kb(), skynet.hpc(), os.clock()
	for _ = 1, setting "idle" do
		skynet.newservice "idle_one"
	end
	local took_ns = skynet.hpc() - begin_ns
	cpu = os.clock() - cpu
	kb = resident_kb() - kb
	local bytes = 0
	for _, info in ipairs(sched.list()) do
		if info.name == "idle_one" then
			bytes = bytes + info.memory
		end
	end
	print(string.format("STARTED %.0f %d %.0f %.6f", took_ns, kb, bytes, cpu))
end

local function sleep_until(ns)
	local left_ns = ns - skynet.hpc()
	if left_ns > 0 then
		skynet.sleep(left_ns / 1e7)
	end
end

local function read_turns()
	while true do
		local file = io.open "turns"
		local line = file and file:read "*l"
		if file then
			file:close()
		end
		if line then
			return line:match "^(%d+) (%d+) (%d+)$"
		end
		skynet.sleep(2)
	end
end

-- All of them at once; their answers.
local function ask_all(requests)
	local answers, open, me = {}, #requests, coroutine.running()
	for i, request in ipairs(requests) do
		skynet.fork(function()
			answers[i] = skynet.call(unpack(request))
			open = open - 1
			if open == 0 then
				skynet.wakeup(me)
			end
		end)
	end
	skynet.wait(me)
	return answers
end

local function window(pairs_, probe, until_ns)
	local requests = {}
	for i, pair in ipairs(pairs_) do
		requests[i] = { pair[1], "lua", "work", pair[2], until_ns }
	end
	requests[#requests + 1] = { probe, "lua", until_ns }
	local begin_ns, cpu = skynet.hpc(), os.clock()
	local answers = ask_all(requests)
	local wall_ns, rounds = skynet.hpc() - begin_ns, 0
	for i = 1, #pairs_ do
		rounds = rounds + answers[i]
	end
	print(string.format("WINDOW %d %.6f %.6f %s", rounds, os.clock() - cpu, wall_ns / 1e9, answers[#answers]))
end

skynet.start(function()
	start_idle()
	skynet.newservice "idle_bytes"
	local working = {}
	for i = 1, setting "pairs" do
		working[i] = { skynet.newservice "idle_busy", skynet.newservice "idle_busy" }
	end
	local probe = skynet.newservice "idle_probe"
	print "READY"
	local begin_ns, length_ns, step_ns = read_turns()
	for i = 0, setting "windows" - 1 do
		local window_ns = begin_ns + i * step_ns
		sleep_until(window_ns)
		window(working, probe, window_ns + length_ns)
	end
	print "END"
end)
