-- SPDX-License-Identifier: MIT
-- A service that does one thing for ever when it is told "go". Its argument says what.

local skynet = require "skynet"

local kind = ...
local hog = {}

function hog.empty()
	while true do end
end

function hog.count()
	local i = 0
	while true do
		i = i + 1
	end
end

-- Arithmetic with branches that are seldom taken, so that side traces come late.
function hog.branches()
	local x, rare, rarer = 1, 0, 0
	while true do
		x = (x * 1103515245 + 12345) % 2147483648
		if x % 1009 == 0 then
			rare = rare + 1
		elseif x % 100003 == 0 then
			rarer = rarer + 1
		end
	end
end

function hog.tables()
	local keep = {}
	local i = 0
	while true do
		i = i + 1
		keep[i % 100 + 1] = { i, { name = i } }
	end
end

function hog.strings()
	local i = 0
	while true do
		local s = ""
		for j = 1, 50 do
			i = i + 1
			s = s .. i .. "," .. j
		end
	end
end

function hog.sort()
	local i = 0
	while true do
		local list = {}
		for j = 1, 2000 do
			i = i + 1
			list[j] = (i * 7919 + j * 104729) % 10007
		end
		table.sort(list, function(a, b)
			return a > b
		end)
	end
end

function hog.gsub()
	local text = string.rep("some words to replace ", 200)
	while true do
		text:gsub("%w+", function(word)
			return #word > 2 and word:reverse() or nil
		end)
	end
end

function hog.pcall()
	local function f(n)
		if n % 3 == 0 then
			error("x", 0)
		end
	end
	local n = 0
	while true do
		n = n + 1
		pcall(f, n)
	end
end

function hog.coroutines()
	local function echo(x)
		while true do
			x = coroutine.yield(x + 1)
		end
	end
	local ping, pong = coroutine.wrap(echo), coroutine.wrap(echo)
	local x = 0
	while true do
		x = pong(ping(x))
	end
end

function hog.metamethod()
	local object = setmetatable({}, {
		__index = function()
			while true do end
		end,
	})
	return object.field
end

function hog.ffi()
	local ffi = require "ffi"
	local box = ffi.new "struct { uint64_t sum; int32_t v[16]; }"
	local i = 0
	while true do
		i = i + 1
		box.v[i % 16] = i % 1000
		box.sum = box.sum + box.v[(i * 7) % 16]
	end
end

-- The same large table to bytes and back.
function hog.pack()
	local core = require "skynet.core"
	local list = {}
	for i = 1, 20000 do
		list[i] = { i, i / 3, name = "number " .. i, [i + 2] = true }
	end
	local packed = core.packstring(list)
	while true do
		for i, entry in ipairs(core.unpack(packed)) do
			local right = entry[1] == i and entry[2] == i / 3 and entry.name == "number " .. i
			assert(right and entry[i + 2], "unpacked to something else")
		end
		assert(#core.packstring(list) == #packed, "packed to something else")
	end
end

-- Backtracks for longer than anybody will wait.
function hog.find()
	return string.find(string.rep("a", 100000), ".-.-.-.-b")
end

-- In the message handler of xpcall no hook is called.
function hog.handler()
	xpcall(error, function()
		while true do end
	end, "x")
end

-- Nor in a finalizer, where nothing is compiled either.
function hog.finalizer()
	local proxy = newproxy(true)
	getmetatable(proxy).__gc = function()
		while true do end
	end
	proxy = nil
	while true do
		collectgarbage()
	end
end

function hog.c_spin()
	require "chog".spin()
end

function hog.c_sort()
	require "chog".sort()
end

function hog.c_sleep()
	require "chog".sleep_forever()
end

function hog.c_naps()
	local chog = require "chog"
	while true do
		chog.sleep_ms(10)
	end
end

assert(hog[kind], "no such hog: " .. tostring(kind))

skynet.start(function()
	if kind:sub(1, 2) == "c_" then
		require "chog" -- loading belongs to the start
	end
	skynet.dispatch("lua", function(_, _, cmd)
		if cmd == "go" then
			hog[kind]()
		end
		skynet.retpack(cmd)
	end)
end)
