-- SPDX-License-Identifier: MIT
--
-- For bench_skynet.py; it runs on skynet too. Packs values of many kinds (and frees the block) and unpacks them, each
-- for some CPU seconds. Prints FIGURE, pack or unpack, the name, operations, their CPU time in us, and bytes.
--
-- No float here is integral: LuaJIT has one kind of number, packs such a one as an integer, and would do other work.

local skynet = require "skynet"

local LOOPS = 200

local pack, unpack, trash = skynet.pack, skynet.unpack, skynet.trash
local cpu_s = os.clock

local function array_of(length, value_of)
	local t = {}
	for i = 1, length do
		t[i] = value_of(i)
	end
	return t
end

local function keyed(count)
	local t = {}
	for i = 1, count do
		t["key_" .. i] = i * 37
	end
	return t
end

local function room()
	return { id = 7, name = "room", list = array_of(10, function(i)
		return { id = i, pos = { i + 0.5, i * 2 }, tags = { "a", "b" }, hp = 100 }
	end) }
end

-- Name, what is packed.
local MIXES = {
	{ "small_command", "login", 12345 },
	{ "5_plain_values", "set", 12345, "player", 3.25, true },
	{ "table_of_5_fields", { id = 12345, name = "player", x = 3.25, y = -7, alive = true } },
	{ "100_integers", array_of(100, function(i) return i * 37 end) },
	{ "100_doubles", array_of(100, function(i) return i + 0.37 end) },
	{ "20_string_keys", keyed(20) },
	{ "nested_tables", room() },
	{ "string_of_10", ("x"):rep(10) },
	{ "string_of_100", ("x"):rep(100) },
	{ "string_of_10k", ("x"):rep(10000) },
}

-- One for each number of arguments: as a program has it, with no `...` in the loop.
local packs = {
	function(a)
		for _ = 1, LOOPS do
			trash(pack(a))
		end
	end,
	function(a, b)
		for _ = 1, LOOPS do
			trash(pack(a, b))
		end
	end,
	[5] = function(a, b, c, d, e)
		for _ = 1, LOOPS do
			trash(pack(a, b, c, d, e))
		end
	end,
}

local function unpacks(block, size)
	for _ = 1, LOOPS do
		local _ = unpack(block, size)
	end
end

-- Operations, and the CPU seconds that they have taken.
local function repeated(loop, limit_s, ...)
	local operations, before_s, took_s = 0, cpu_s(), nil
	repeat
		loop(...)
		operations = operations + LOOPS
		took_s = cpu_s() - before_s
	until took_s >= limit_s
	return operations, took_s
end

local function measure(what, name, bytes, loop, seconds, ...)
	repeated(loop, seconds / 4, ...)
	collectgarbage()
	local operations, took_s = repeated(loop, seconds, ...)
	print(string.format("FIGURE %s %s %.0f %.0f %d", what, name, operations, took_s * 1e6, bytes))
end

skynet.start(function()
	local seconds = tonumber(skynet.getenv "seconds")
	for _, mix in ipairs(MIXES) do
		local name, loop = mix[1], packs[#mix - 1]
		local block, bytes = pack(table.unpack(mix, 2))
		measure("pack", name, bytes, loop, seconds, table.unpack(mix, 2))
		measure("unpack", name, bytes, unpacks, seconds, block, bytes)
		trash(block, bytes)
	end
	print "END"
end)
