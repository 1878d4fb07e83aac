-- SPDX-License-Identifier: MIT
--
-- How long the machine kept our threads from running: what other processes took (the kernel's run
-- delay of the loop thread, the monitor and the thread that asks) and what the host took (steal).
-- Linux only.

local disturbance = {}

local function first_line(path)
	local file = io.open(path, "r")
	local line = file and file:read("*l")
	if file then
		file:close()
	end
	return line
end

local function run_delay_ns(task)
	local line = first_line(task .. "/schedstat")
	return line and tonumber(line:match("^%d+ (%d+)")) or 0
end

local function thread_folders(wanted)
	local folders = {}
	local pid = first_line("/proc/self/stat"):match("^%d+")
	local list = io.popen("ls -d /proc/" .. pid .. "/task/*")
	for folder in list:lines() do
		if wanted[first_line(folder .. "/comm")] then
			folders[#folders + 1] = folder
		end
	end
	list:close()
	return folders
end

local others = thread_folders { ["eq-loop"] = true, ["eq-monitor"] = true }
local TICK_NS = 1e7 -- /proc/stat counts in 1/100 s

local function steal_ns()
	local fields = first_line("/proc/stat"):gmatch("%d+")
	for _ = 1, 7 do
		fields()
	end
	return tonumber(fields()) * TICK_NS
end

--- What was taken so far; compare two of them with disturbance.between.
function disturbance.now()
	local sum_ns = steal_ns()
	for _, folder in ipairs(others) do
		sum_ns = sum_ns + run_delay_ns(folder)
	end
	local thread = first_line("/proc/thread-self/stat"):match("^%d+")
	return { sum_ns = sum_ns, thread = thread, own_ns = run_delay_ns("/proc/thread-self") }
end

--- Nanoseconds taken between two of them. A worker that changed its thread meanwhile counts without it.
function disturbance.between(a, b)
	local own_ns = a.thread == b.thread and b.own_ns - a.own_ns or 0
	return b.sum_ns - a.sum_ns + own_ns
end

return disturbance
