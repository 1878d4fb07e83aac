-- SPDX-License-Identifier: MIT
--
-- For bench_throughput.py: `pairs` pairs of services that exchange messages without a pause, for some
-- seconds, `windows` times. Prints WINDOW and what happened in it, as name=value. With lockcount.so loaded
-- into the process, what it has counted too.

local skynet = require "skynet"
local sched = require "skynet.sched"
local ffi = require "ffi"

ffi.cdef [[
	struct bench_rusage { long used[4], rest[14]; };
	int getrusage(int, struct bench_rusage *);
	struct lockcount { uint64_t locks, contended, waited_ns; };
	void lockcount_read(int group, struct lockcount *);
]]

local SECOND = 100
local counts_locks = skynet.getenv "count_locks" == "1"

local function setting(name)
	return tonumber(skynet.getenv(name))
end

local function read_locks(into)
	for group, name in pairs { [0] = "our", [1] = "other" } do
		local c = ffi.new "struct lockcount"
		ffi.C.lockcount_read(group, c)
		into[name .. "_locks"] = tonumber(c.locks)
		into[name .. "_contended"] = tonumber(c.contended)
		into[name .. "_waited_ns"] = tonumber(c.waited_ns)
	end
end

local function now()
	local usage = ffi.new "struct bench_rusage"
	ffi.C.getrusage(0, usage)
	local sums = {
		wall_ns = skynet.hpc(),
		cpu_us = tonumber(1e6 * (usage.used[0] + usage.used[2]) + usage.used[1] + usage.used[3]),
		sleeps = tonumber(usage.rest[12]),
		displaced = tonumber(usage.rest[13]),
		messages = 0,
	}
	for _, info in ipairs(sched.list()) do
		if info.name:find "^throughput_p" then
			sums.messages = sums.messages + info.messages
		end
	end
	if counts_locks then
		read_locks(sums)
	end
	return sums
end

local function print_window(before, after)
	local words = {}
	for name, value in pairs(after) do
		words[#words + 1] = string.format("%s=%.0f", name, value - before[name])
	end
	print("WINDOW " .. table.concat(words, " "))
end

skynet.start(function()
	for _ = 1, setting "pairs" do
		local pong = skynet.newservice "throughput_pong"
		local ping = skynet.newservice("throughput_ping", pong, skynet.getenv "mode")
		skynet.send(ping, "lua", "go")
	end
	skynet.sleep(SECOND / 5)
	for _ = 1, setting "windows" do
		local before = now()
		skynet.sleep(SECOND * setting "seconds")
		print_window(before, now())
	end
	print "END"
end)
