-- SPDX-License-Identifier: MIT
-- Lets hostile programs loose, one after the other, and prints what became of each and of the others meanwhile.
-- Setting `cells`: words SERVICE:PROGRAM:WHEN:BY:SECONDS (see victim.lua). BY: "watchdog" leaves it to the watchdog, "restart"
-- too, and another one must take its place; "hand" kills it by hand. After
-- so many seconds one that was killed is taken to stay. Prints for each a line CELL with values as
-- name=[value], and DONE at the end.

local skynet = require "skynet"
local sched = require "skynet.sched"
local core = require "skynet.core"
local chog = require "chog"
require "skynet.manager"

local PATIENCE_S = 20
local HAND_CPU_S, HAND_WALL_S = 0.1, 0.3

local function finalized(number)
	return (select(2, chog.witnesses(number)))
end

local soon = dofile(SERVICE_PATH .. "soon.lua")

-- The service of that name, but for `other`.
local function find(name, other)
	for _, s in ipairs(sched.list()) do
		if s.name == name and s.address ~= other then
			return s.address
		end
	end
end

local function ask(answers, as, f, ...)
	local begin = skynet.hpc()
	skynet.fork(function(...)
		local ok, value = pcall(f, ...)
		answers[as] = ok and "answer" or tostring(value)
		answers[as .. "_ms"] = (skynet.hpc() - begin) / 1e6
	end, ...)
end

-- Launched, named, and at it. Returns its address, and whether it was launched in time.
local function let_loose(cell, answers)
	local launch = { cell.service, cell.program, cell.when, cell.number }
	if cell.when ~= "message" then
		ask(answers, "go", skynet.newservice, unpack(launch))
		return soon(PATIENCE_S, function()
			return find(cell.service)
		end)
	end
	local address = skynet.newservice(unpack(launch))
	ask(answers, "go", skynet.call, address, "lua", "go")
	ask(answers, "ping", skynet.call, address, "lua", "ping")
	return address
end

local function kill_by_hand(address, answers)
	local begin = skynet.hpc()
	soon(PATIENCE_S, function()
		local s = sched.get(address)
		return answers.go or s == nil or s.cpu >= HAND_CPU_S
			or (skynet.hpc() - begin) / 1e9 >= HAND_WALL_S and s.cpu < HAND_CPU_S / 10
	end)
	skynet.kill(address)
	return skynet.hpc()
end

-- Nobody has the handle any more: was it closed, abandoned, or neither of the two?
local function wait_for_the_end(cell, abandoned)
	return soon(cell.seconds, function()
		if finalized(cell.number) > 0 then
			return "closed"
		end
		return core.sched().abandoned > abandoned and "abandoned"
	end) or "stays"
end

-- It lives: does it answer? Then it is ended. nil: it has ended meanwhile.
local function is_well(cell, address)
	local ok, answer = pcall(skynet.calltimeout, PATIENCE_S * 100, address, "lua", "ping")
	if not ok and not core.alive(address) then
		return nil
	end
	local before = finalized(cell.number)
	skynet.kill(address)
	local closed = soon(PATIENCE_S, function()
		return finalized(cell.number) > before
	end)
	return closed and ok and answer == "ping"
end

-- Another one with the same name and the same launch line; it is ended.
local function is_restarted(cell, address)
	local again = soon(PATIENCE_S, function()
		return find(cell.service, address)
	end)
	return again and soon(PATIENCE_S, function()
		return skynet.localname ".victim" == again
	end) and is_well(cell, again) or false
end

local function what_became(cell, address, abandoned)
	-- Whoever is told that a start has failed is told just before the service ends.
	local well = nil
	if core.alive(address) then
		well = is_well(cell, address)
	end
	if well == nil then
		return wait_for_the_end(cell, abandoned)
	end
	return well and "lives" or "is deaf"
end

local function run(cell)
	local answers, abandoned = {}, core.sched().abandoned
	local address = let_loose(cell, answers)
	skynet.name(".victim", address)
	local result = { address = string.format("%08x", address), named = skynet.localname ".victim" == address }
	local begin = skynet.hpc()
	if cell.by == "hand" then
		begin = kill_by_hand(address, answers)
	end
	soon(PATIENCE_S, function()
		return answers.go
	end)
	result.go_ms = (skynet.hpc() - begin) / 1e6
	result.became = what_became(cell, address, abandoned)
	result.ended_ms = (skynet.hpc() - begin) / 1e6
	if cell.by == "restart" then
		result.restarted = is_restarted(cell, address)
	end
	result.go, result.ping = answers.go or "nothing", answers.ping or "nothing"
	result.name_is_free = skynet.localname ".victim" == nil
	return result
end

local function show(cell, result)
	local words = {}
	for name, value in pairs(result) do
		words[#words + 1] = name .. "=[" .. tostring(value):gsub("\n.*", "") .. "]"
	end
	table.sort(words)
	print(string.format("CELL %d %s %s %s", cell.number, cell.service, cell.program, table.concat(words, " ")))
end

local function read_cells()
	local cells = {}
	for service, program, when, by, seconds in skynet.getenv("cells"):gmatch "(%S-):(%S-):(%S-):(%S-):(%S+)" do
		cells[#cells + 1] = {
			number = #cells + 1, service = service, program = program, when = when, by = by,
			seconds = tonumber(seconds),
		}
	end
	return cells
end

skynet.start(function()
	local light = skynet.newservice("light", skynet.newservice "echo")
	for _, cell in ipairs(read_cells()) do
		skynet.call(light, "lua", "stat")
		local result = run(cell)
		result.rounds, result.late_us = skynet.call(light, "lua", "stat")
		show(cell, result)
	end
	print "DONE"
end)
