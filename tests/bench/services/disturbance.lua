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

-- The line as it is now, of a file that stays open: opening costs more than reading.
local function read_again(file)
	file:seek("set", 0)
	return file:read("*l")
end

local function run_delay_ns(line)
	return line and tonumber(line:match("^%d+ (%d+)")) or 0
end

local function open_threads(wanted)
	local files = {}
	local pid = first_line("/proc/self/stat"):match("^%d+")
	local list = io.popen("ls -d /proc/" .. pid .. "/task/*")
	for folder in list:lines() do
		if wanted[first_line(folder .. "/comm")] then
			files[#files + 1] = assert(io.open(folder .. "/schedstat"))
		end
	end
	list:close()
	return files
end

local others = open_threads { ["eq-loop"] = true, ["eq-monitor"] = true }
local stat = assert(io.open("/proc/stat"))
local TICK_NS = 1e7 -- /proc/stat counts in 1/100 s

local function steal_ns()
	return tonumber(read_again(stat):match("^cpu" .. (" +%d+"):rep(7) .. " +(%d+)")) * TICK_NS
end

--- What was taken so far; compare two of them with disturbance.between.
function disturbance.now()
	local sum_ns = steal_ns()
	for _, file in ipairs(others) do
		sum_ns = sum_ns + run_delay_ns(read_again(file))
	end
	local thread = first_line("/proc/thread-self/stat"):match("^%d+")
	return { sum_ns = sum_ns, thread = thread, own_ns = run_delay_ns(first_line("/proc/thread-self/schedstat")) }
end

--- Nanoseconds taken between two of them. A worker that changed its thread meanwhile counts without it.
function disturbance.between(a, b)
	local own_ns = a.thread == b.thread and b.own_ns - a.own_ns or 0
	return b.sum_ns - a.sum_ns + own_ns
end

return disturbance
