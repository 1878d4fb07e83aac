-- SPDX-License-Identifier: MIT
-- debug_pairs = true: a table that another task changed while a pairs loop waited.

local skynet = require "skynet"
local core = require "skynet.core"
local coroutine = require "skynet.coroutine"
local check = dofile(SERVICE_PATH .. "check.lua")

local said = {}
local write = core.error
function core.error(text)
	if text:find "pairs loop" then
		said[#said + 1] = text
	end
	write(text)
end

local function line()
	return debug.getinfo(2, "l").currentline
end

local players, loop_line, change_line

-- A loop over `players` that waits in each round, while change() runs in another task.
local function wait_in_loop(change, rounds)
	local n = 0
	skynet.fork(change)
	loop_line = line() + 1
	for _ in pairs(players) do
		n = n + 1
		skynet.sleep(n == 1 and 1 or 0)
		if n == rounds then
			break
		end
	end
end

local function told(what, name)
	local text = said[1] or "nothing"
	local wanted = string.format("t_debug_pairs.lua:%d was changed by another task while the loop waited: %s at ",
		loop_line, what)
	check.ok(#said == 1 and text:find(wanted, 1, true), name .. ": the loop", text .. " in " .. #said)
	check.ok(text:find(string.format("t_debug_pairs.lua:%d$", change_line)), name .. ": the line of the change", text)
	said = {}
end

local function quiet(name)
	check.eq(#said, 0, name .. " is no fault")
	said = {}
end

local function changes()
	players = { 1, 2, 3 }
	wait_in_loop(function()
		local unused = 1
		change_line = line() + 1
		players.fourth = 4
		players.fifth = unused
	end)
	told('key "fourth" was added', "an entry that was added")
	wait_in_loop(function()
		change_line = line() + 1
		players[3] = nil
		local _ = 1
	end)
	told("key 3 was removed", "an entry that was removed")
	wait_in_loop(function()
		change_line = line() + 1
		players[2] = "other"
	end)
	told("key 2 got another value", "another value, by the last line of a task")
	for _ = 1, 3 do
		wait_in_loop(function()
			players[2] = {}
		end)
	end
	check.eq(#said, 1, "the same two lines are told once")
	said = {}
end

local function by_functions()
	players = { 1, 2, 3 }
	local function value()
		local a = 1
		return a + 1
	end
	wait_in_loop(function()
		change_line = line() + 1
		players.here = value()
		value()
	end)
	told('key "here" was added', "a line that calls a function first")
	wait_in_loop(function()
		skynet.yield()
		change_line = line() + 1
		table.remove(players)
		skynet.yield()
	end)
	told("key 3 was removed", "a change by a function in C, in a task that waits itself")
	wait_in_loop(function()
		change_line = line() + 1
		players.yielded = skynet.yield() or 1
		value()
	end)
	told('key "yielded" was added', "a line that waits first")
end

local function by_message(peer)
	players = { 1, 2, 3 }
	skynet.dispatch("lua", function(_, _, uid)
		change_line = line() + 1
		players[uid] = nil
		skynet.retpack(true)
	end)
	loop_line = line() + 1
	for uid in pairs(players) do
		if uid == 1 then
			skynet.call(peer, "lua", "CALL", skynet.self(), 2)
		end
	end
	told("key 2 was removed", "a handler, during a call")
end

local function in_coroutines()
	players = { 1, 2 }
	local function loop()
		loop_line = line() + 1
		for _ in pairs(players) do
			skynet.sleep(1)
		end
	end
	skynet.fork(function()
		change_line = line() + 1
		players.inner = 1
	end)
	coroutine.wrap(loop)()
	told('key "inner" was added', "a loop in a coroutine of the task")
end

local function no_faults()
	players = { 1, 2, 3 }
	local others = {}
	wait_in_loop(function()
		others.x = 1
	end)
	quiet "another table"
	for key in pairs(players) do
		skynet.yield()
		players[key] = nil
		skynet.yield()
	end
	quiet "what the body of the loop does"
	players = { 1, 2, 3 }
	wait_in_loop(function()
		players.late = 1
	end, 1)
	quiet "a loop that ends there"
	skynet.fork(function()
		for key in pairs(players) do
			players[key] = 0
		end
	end)
	for _ in pairs(others) do
		skynet.yield()
	end
	quiet "a loop that does not wait"
	local victim = skynet.fork(function()
		for _ in pairs(players) do
			skynet.wait()
		end
	end)
	skynet.yield()
	skynet.killthread(victim)
	players.killed = 1
	skynet.fork(function()
		check.eq(debug.gethook(), nil, "no line is looked at when no loop waits")
	end)
	skynet.yield()
	quiet "a task that was killed in its loop"
	local nan = { 0 / 0 }
	for _ in pairs(nan) do
		skynet.yield()
	end
	quiet "not a number"
end

local function large()
	players = {}
	for i = 1, 5000 do
		players[i] = i
	end
	local first
	wait_in_loop(function()
		first = line()
		players.new = 1
		local _ = 1
		_ = 2
		_ = 3
		_ = 4
		_ = 5
		_ = 6
		_ = 7
	end, 2)
	local from, to = (said[1] or ""):match "t_debug_pairs.lua:(%d+) to [^ ]*t_debug_pairs.lua:(%d+)$"
	check.ok(from and tonumber(from) <= first + 1 and tonumber(to) >= first + 1, "a large table: from line to line",
		said[1])
	said = {}
end

local function semantics()
	local list = {}
	for key, value in pairs(setmetatable({}, { __pairs = function()
		return next, { only = 1 }, nil
	end })) do
		list[key] = value
	end
	check.eq(list.only, 1, "__pairs counts")
	check.raises("t_debug_pairs.lua:" .. line() + 1 .. ": bad argument #1 to 'pairs'", "no table", function()
		pairs(nil)
	end)
	check.eq(DEBUG_PAIRS, nil, "no global is left")
	local step, state, first = pairs(list)
	check.ok(state == list and first == nil and step(list) == "only", "the three values")
end

check.run(function()
	semantics()
	changes()
	by_functions()
	by_message(skynet.newservice "peer")
	in_coroutines()
	no_faults()
	large()
end)
