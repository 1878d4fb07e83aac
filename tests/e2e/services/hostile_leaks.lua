-- SPDX-License-Identifier: MIT
-- Kills each program (setting `programs_killed`: words PROGRAM:WHEN:FEW:MANY) FEW and then MANY times in all, some at a
-- time, while they are at it, and prints after both what the process has: a line LEFT with values as name=value, each
-- twice (few,many). DONE at the end.

local skynet = require "skynet"
local sched = require "skynet.sched"
local core = require "skynet.core"
local chog = require "chog"
require "skynet.manager"

local AT_A_TIME = 10
local PATIENCE_S = 60
local number = 0 -- of the last victim

local function soon(f)
	local till = skynet.hpc() + PATIENCE_S * 1e9
	repeat
		if f() then
			return true
		end
		skynet.sleep(0.2)
	until skynet.hpc() > till
	return false
end

local function lines_of(path)
	local n = 0
	for _ in io.lines(path) do
		n = n + 1
	end
	return n
end

local function descriptors()
	local n = 0
	for fd = 0, 1023 do
		local file = io.open("/proc/self/fdinfo/" .. fd)
		if file then
			n = n + 1
			file:close()
		end
	end
	return n
end

local function threads()
	local file = io.open "/proc/self/status"
	local text = file:read "*a"
	file:close()
	return tonumber(text:match "Threads:%s*(%d+)")
end

-- The least of some looks, since others allocate and free all the time.
local function picture()
	local p = { allocated = math.huge }
	for _ = 1, 5 do
		skynet.call(".launcher", "lua", "GC")
		p.allocated = math.min(p.allocated, core.sched().allocated)
		skynet.sleep(1)
	end
	local totals = core.sched()
	p.maps, p.threads, p.fds = lines_of "/proc/self/maps", threads(), descriptors()
	p.areas, p.abandoned = totals.mcode_areas, totals.abandoned
	p.living = #sched.list()
	return p
end

-- One that loops while it starts is not waited for.
local function launch(program, when)
	number = number + 1
	if when == "message" then
		return skynet.newservice("by_hand", program, when, number)
	end
	return skynet.launch("snlua", "by_hand", program, when, number)
end

-- Stopped in what it does, or some milliseconds into it.
local function is_at_it(victim, its_number)
	if chog.witnesses(its_number) == 0 then
		return false
	end
	local s = sched.get(victim)
	return s == nil or s.preemptions + s.handoffs > 0 or s.cpu > 0.005
end

-- Each witness is finalized, or its VM is counted as abandoned.
local function ended(first, abandoned)
	local n = core.sched().abandoned - abandoned
	for i = first, number do
		n = n + select(2, chog.witnesses(i))
	end
	return n
end

local function kill_some(program, when, count)
	local victims, first, abandoned = {}, number + 1, core.sched().abandoned
	for i = 1, count do
		victims[i] = launch(program, when)
	end
	for _, victim in ipairs(victims) do
		skynet.send(victim, "lua", "go") -- nothing to those that loop already
	end
	for i, victim in ipairs(victims) do
		soon(function()
			return is_at_it(victim, first + i - 1)
		end)
		core.kill(victim)
	end
	if not soon(function() return ended(first, abandoned) >= count end) then
		print(string.format("bad: of %d times %s only %d ended", count, program, ended(first, abandoned)))
	end
	if ended(first, abandoned) > count then
		print(string.format("bad: of %d times %s %d ended", count, program, ended(first, abandoned)))
	end
end

local function kill_until(program, when, from, to)
	while from < to do
		local count = math.min(AT_A_TIME, to - from)
		kill_some(program, when, count)
		from = from + count
	end
end

local function show(program, few, many, seconds)
	local words = {}
	for name, value in pairs(few) do
		words[#words + 1] = string.format("%s=%d,%d", name, value, many[name])
	end
	table.sort(words)
	print(string.format("LEFT %s %s seconds=%.1f", program, table.concat(words, " "), seconds))
end

skynet.start(function()
	for program, when, few, many in skynet.getenv("programs_killed"):gmatch "(%S-):(%S-):(%d+):(%d+)" do
		local begin = skynet.hpc()
		kill_until(program, when, 0, tonumber(few))
		local before = picture()
		kill_until(program, when, tonumber(few), tonumber(many))
		show(program, before, picture(), (skynet.hpc() - begin) / 1e9)
	end
	print "DONE"
end)
