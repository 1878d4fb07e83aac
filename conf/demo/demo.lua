-- SPDX-License-Identifier: MIT
--
-- The start service of the demo: launches the others, prints what the scheduler knows about them
-- once a second, sums it up, and ends the process.

local skynet = require "skynet"
local sched = require "skynet.sched" -- equilune's own: figures of all services
require "skynet.manager" -- for skynet.abort

local LIGHTS = 10
local BASELINE_S = 2
local HOGS_S = 10
local HOGS = { "hog_loop", "hog_tables", "hog_sort", "hog_find" }
local SECOND = 100 -- skynet counts in 1/100 s

local lights = {} -- handles

-- ---- figures ----

-- The value below which the given share of a sorted list lies.
local function quantile(sorted, share)
	return sorted[math.max(1, math.ceil(share * #sorted))] or 0
end

-- What all lights did since the last time: rounds, how many of them did nothing, lateness.
local function ask_lights()
	local sum = { rounds = 0, starved = 0 }
	local late = {}
	for _, light in ipairs(lights) do
		local report = skynet.call(light, "lua", "REPORT")
		sum.rounds = sum.rounds + report.rounds
		if report.rounds == 0 then
			sum.starved = sum.starved + 1
		end
		for _, us in ipairs(report.lateness_us) do
			late[#late + 1] = us
		end
	end
	table.sort(late)
	sum.p50, sum.p99, sum.max = quantile(late, 0.5), quantile(late, 0.99), late[#late] or 0
	return sum
end

-- CPU seconds and preemptions by service name; services of one name are added up.
local function cpu_by_name()
	local sums = {}
	for _, info in ipairs(sched.list()) do
		local sum = sums[info.name] or { cpu = 0, preemptions = 0, handoffs = 0, count = 0 }
		sums[info.name] = sum
		sum.cpu = sum.cpu + info.cpu
		sum.preemptions = sum.preemptions + info.preemptions
		sum.handoffs = sum.handoffs + info.handoffs
		sum.count = sum.count + 1
	end
	return sums
end

-- ---- the table ----

local NONE = { cpu = 0, preemptions = 0, handoffs = 0 }
local ROW = "  %-11s %8s %10s %7s  %s"

local function row(name, now, before, passed_s, lateness)
	local label = now.count > 1 and string.format("%s x %d", name, now.count) or name
	local share = string.format("%.1f %%", 100 * (now.cpu - before.cpu) / passed_s)
	local preempted = now.preemptions - before.preemptions
	print(string.format(ROW, label, share, preempted, now.handoffs - before.handoffs, lateness or ""))
end

local function print_table(title, now, before, passed_s, late)
	local lateness = string.format("%9.0f %7.0f %7.0f us", late.p50, late.p99, late.max)
	print(string.format("\n%s: %d rounds of the lights", title, late.rounds))
	print(string.format(ROW, "service", "CPU", "preempted", "handed", "late: p50     p99     max"))
	for _, name in ipairs(HOGS) do
		if now[name] then
			row(name, now[name], before[name] or NONE, passed_s)
		end
	end
	row("light", now.light, before.light or NONE, passed_s, lateness)
	row("echo", now.echo, before.echo or NONE, passed_s)
end

-- Watch for some seconds, one table each. Returns the sums.
local function watch(seconds, title)
	local sum = { rounds = 0, starved = 0, worst = 0, cpu = {} }
	ask_lights() -- forget what was before
	local first = cpu_by_name()
	local before, before_ns = first, skynet.hpc()
	for second = 1, seconds do
		skynet.sleep(SECOND)
		local now, now_ns, late = cpu_by_name(), skynet.hpc(), ask_lights()
		print_table(string.format(title, second), now, before, (now_ns - before_ns) / 1e9, late)
		sum.rounds = sum.rounds + late.rounds
		sum.starved = math.max(sum.starved, late.starved)
		sum.worst = math.max(sum.worst, late.max)
		before, before_ns = now, now_ns
	end
	for name, now in pairs(before) do
		sum.cpu[name] = now.cpu - (first[name] or NONE).cpu
	end
	return sum
end

-- ---- the story ----

local function start_hogs()
	for _, name in ipairs(HOGS) do
		-- newservice waits until the start function of the new service is through, and
		-- theirs never is: wait in a task of its own.
		skynet.fork(skynet.newservice, name)
	end
end

local function print_summary(alone, crowded)
	local starved = crowded.starved
	for _, name in ipairs(HOGS) do
		if not (crowded.cpu[name] and crowded.cpu[name] > 0) then
			starved = starved + 1
		end
	end
	local line = "  %-32s %7.0f a second"
	print("\nSummary: one worker")
	print(string.format(line, "rounds of the lights alone", alone.rounds / BASELINE_S))
	print(string.format(line, "rounds beside four endless hogs", crowded.rounds / HOGS_S))
	print(string.format("  %-32s %7.0f us (alone: %.0f us)", "worst lateness", crowded.worst,
		alone.worst))
	print(string.format("  %-32s %7d", "starved services", starved))
end

skynet.start(function()
	skynet.newservice "echo"
	for i = 1, LIGHTS do
		lights[i] = skynet.newservice "light"
	end
	print(string.format("\n%d services that sleep 10 ms and then ask echo, alone for %d s:", LIGHTS,
		BASELINE_S))
	local alone = watch(BASELINE_S, "alone, second %d")
	print(string.format("\nNow %d services that never stop computing, for %d s, on the same worker:",
		#HOGS, HOGS_S))
	start_hogs()
	local crowded = watch(HOGS_S, "with hogs, second %d")
	print_summary(alone, crowded)
	skynet.abort() -- ends all services and the process, with exit status 0
end)
