-- SPDX-License-Identifier: MIT
--
-- Services that never come to an end by themselves and are killed wherever they are. The launch line is
-- "stress_victim ID KIND"; work begins with the first message. Objects with finalizers are counted by the
-- test program when they are made and when they are finalized.

local id, kind = ...

local core = require("skynet.core")
local ffi = require("ffi")
local workloads = require("workloads")

ffi.cdef([[
void kill_created(int victim, int object);
void kill_finalized(int victim, int object);
]])

local victim = tonumber(id)
local created, finalized = ffi.C.kill_created, ffi.C.kill_finalized
local objects = 0

-- What a finalizer does besides being counted.
local last_words = {}

function last_words.plain() end

function last_words.collect()
	collectgarbage()
	local t = {}
	for i = 1, 50 do
		t[i] = { i, tostring(i) }
	end
	collectgarbage("step", 10)
end

function last_words.recurse()
	local function depth(k)
		return k == 0 and 0 or 1 + depth(k - 1)
	end
	depth(3000)
	pcall(function()
		local function endless(k)
			return 1 + endless(k + 1)
		end
		return endless(1)
	end)
end

function last_words.fail()
	error("a finalizer fails")
end

function last_words.loop()
	local x = 0
	for i = 1, 200000 do
		x = (x + i * 7) % 65521
	end
	return x
end

function last_words.coroutines()
	for value in coroutine.wrap(function()
		for i = 1, 20 do
			coroutine.yield(("x"):rep(i))
		end
	end) do
		loadstring("local a = ... for i = 1, 100 do a = a .. i end return #a")(value)
	end
end

local words = {}
for name in pairs(last_words) do
	words[#words + 1] = name
end
table.sort(words)

local function make(keep)
	objects = objects + 1
	local number, say = objects, last_words[words[(victim + objects) % #words + 1]]
	local proxy = newproxy(true)
	getmetatable(proxy).__gc = function()
		finalized(victim, number)
		say()
	end
	created(victim, number)
	if keep then
		keep[#keep + 1] = proxy
	end
end

local kept = {}

local kinds = {}

function kinds.compiled()
	local x = 0
	while true do
		x = (x + 1) % 65521
	end
end

function kinds.table_churn()
	while true do
		local t = {}
		for i = 1, 100 do
			t[i] = { i }
		end
	end
end

function kinds.objects()
	for i = 1, 40 do
		make(i % 2 == 0 and kept or nil)
		workloads.closures(0.05)
	end
	kinds.table_churn()
end

function kinds.stubborn()
	while true do
		pcall(function()
			while true do
				pcall(workloads.tables, 1)
				pcall(error, "again")
			end
		end)
	end
end

function kinds.coroutines()
	local function nest(depth)
		return coroutine.wrap(function()
			local inner = depth > 0 and nest(depth - 1)
			while true do
				coroutine.yield(inner and inner() or 1)
			end
		end)
	end
	local outer = nest(5)
	while true do
		outer()
	end
end

function kinds.sort()
	local list = {}
	for i = 1, 300 do
		list[i] = i * 7919 % 1009
	end
	while true do
		table.sort(list, function(a, b) return a % 17 * 1000 + a < b % 17 * 1000 + b end)
		table.sort(list)
	end
end

function kinds.gsub()
	local text = ("some text "):rep(50)
	while true do
		text:gsub("%w+", function(word)
			return (word:gsub(".", function(c) return c:upper() end))
		end)
	end
end

function kinds.recursion()
	while true do
		workloads.recursion(1)
	end
end

function kinds.compiler()
	local i = 0
	while true do
		i = i + 1
		loadstring("local x = 0 for i = 1, 200 do x = x + i % " .. i % 50 + 2 .. " end return x")()
	end
end

function kinds.garbage()
	while true do
		make()
		collectgarbage("step", 20)
		if objects % 20 == 0 then
			collectgarbage()
		end
		if objects > 5000 then
			kinds.table_churn()
		end
	end
end

function kinds.mixture()
	local names = {}
	for name in pairs(workloads) do
		names[#names + 1] = name
	end
	local i = victim
	while true do
		i = i + 1
		workloads[names[i % #names + 1]](0.1)
	end
end

function kinds.ffi()
	local list, x = ffi.new("double[100]"), 0LL
	while true do
		for i = 0, 99 do
			list[i] = list[(i * 7) % 100] + i
			x = x + 3
		end
	end
end

function kinds.buffers()
	while true do
		workloads.buffers(1)
		workloads.strings(1)
	end
end

-- Those that cannot be ended within reason and are abandoned.
function kinds.hard_find()
	return (("a"):rep(40)):find(("a*"):rep(30) .. "b")
end

function kinds.hard_finalizer()
	local proxy = newproxy(true)
	getmetatable(proxy).__gc = function()
		while true do
		end
	end
	kept[#kept + 1] = proxy
	kinds.table_churn()
end

function kinds.hard_handler()
	xpcall(error, function()
		local t = {}
		while true do
			t[#t % 10 + 1] = tostring(t)
		end
	end)
end

for _ = 1, 6 do
	make(kept)
end
if kind == "idle" then
	core.callback(function() end)
elseif kind == "start" then
	kinds.table_churn()
else
	core.callback(function() kinds[kind]() end)
end
