-- SPDX-License-Identifier: MIT
-- skynet.pack: the bytes are skynet's, to be read by other nodes one day; what cannot be packed, and bytes that are
-- no packed values.

local skynet = require "skynet"
local check = dofile(SERVICE_PATH .. "check.lua")

local packstring, unpack = skynet.packstring, skynet.unpack

local function hex(text)
	return (text:gsub(".", function(c)
		return string.format("%02x", c:byte())
	end))
end

local GOLDEN = {
	{ "", n = 0 }, { "00", nil, n = 1 }, { "000000", nil, nil, nil, n = 3 }, { "09", true }, { "01", false },
	{ "02", 0 }, { "0a01", 1 }, { "0aff", 255 }, { "120001", 256 }, { "12ffff", 65535 }, { "2200000100", 65536 },
	{ "22ffffffff", -1 }, { "220080ffff", -32768 }, { "22ffffff7f", 2 ^ 31 - 1 }, { "320000008000000000", 2 ^ 31 },
	{ "2200000080", -2 ^ 31 }, { "32ffffff7fffffffff", -2 ^ 31 - 1 }, { "320000000000002000", 2 ^ 53 },
	{ "42000000000000e03f", 0.5 }, { "42000000000000d0bf", -0.25 }, { "42000000000000f07f", 1 / 0 },
	{ "429c7500883ce4377e", 1e300 }, { "04", "" }, { "1c616263", "abc" }, { "fc" .. ("78"):rep(31), ("x"):rep(31) },
	{ "152000" .. ("78"):rep(32), ("x"):rep(32) }, { "0600", {} }, { "0e0a0100", { 1 } }, { "1e0a010a020a0300", { 1, 2, 3 } },
	{ "060c610a0100", { a = 1 } }, { "060a050c7800", { [5] = "x" } }, { "1606000e06000000", { {}, { {} } } },
}

local function golden()
	for _, case in ipairs(GOLDEN) do
		local n = case.n or 1
		local bytes = packstring(table.unpack(case, 2, n + 1))
		check.eq(hex(bytes), case[1], "the bytes " .. case[1]:sub(1, 20))
		check.eq(hex(packstring(unpack(bytes))), case[1], "there and back")
	end
	check.eq(hex(packstring(("x"):rep(65535)):sub(1, 4)), "15ffff78", "the longest with two bytes of length")
	check.eq(hex(packstring(("x"):rep(65536)):sub(1, 6)), "250000010078", "one more has four")
	local list = {}
	for i = 1, 30 do
		list[i] = true
	end
	check.eq(hex(packstring(list):sub(1, 3)), "f60909", "the longest array whose length is in its first byte")
	list[31] = true
	check.eq(hex(packstring(list):sub(1, 4)), "fe0a1f09", "one more has a number behind")
	check.eq(packstring(3.0), packstring(3), "a whole number is an integer")
	local nan = unpack(packstring(0 / 0))
	check.ok(nan ~= nan, "a NaN stays one")
	local holes = unpack(packstring { 1, nil, 3 })
	check.ok(holes[1] == 1 and holes[2] == nil and holes[3] == 3, "a hole in an array")
end

local function tables()
	local by_pairs = setmetatable({ hidden = 1 }, { __pairs = function()
		return next, { a = 1 }, nil
	end })
	check.eq(hex(packstring(by_pairs)), "060c610a0100", "__pairs says what is in a table")
	check.raises("in __pairs", "an error in it", packstring, setmetatable({}, { __pairs = function()
		error("in __pairs", 0)
	end }))
	local with = unpack(packstring(setmetatable({ 1 }, { __index = { x = 2 } })))
	check.ok(getmetatable(with) == nil and with.x == nil and with[1] == 1, "metatables are lost")
	local function nested(depth)
		local outer = {}
		local inner = outer
		for _ = 2, depth do
			inner[1] = {}
			inner = inner[1]
		end
		return outer
	end
	local depth, inner = 0, unpack(packstring(nested(32)))
	while inner do
		depth, inner = depth + 1, inner[1]
	end
	check.eq(depth, 32, "32 tables in each other")
	check.raises("serialize can't pack too depth table", "33 are too many", packstring, nested(40))
	local loop = {}
	loop[1] = loop
	check.raises("serialize can't pack too depth table", "a table in itself", packstring, loop)
	local pointer = skynet.pack(1)
	check.eq(unpack(packstring(pointer)), pointer, "light userdata")
end

local function refused()
	for kind, value in pairs { ["function"] = print, thread = coroutine.create(print), userdata = io.stdout } do
		local text = "Unsupport type " .. kind .. " to serialize"
		check.raises(text, "a " .. kind, packstring, value)
		check.raises(text, "behind others", skynet.pack, 1, {}, value)
		check.raises(text, "in a table", packstring, { value })
		check.raises(text, "as a key", packstring, { [value] = 1 })
	end
	for _, bytes in ipairs { "\5", "\7", "\10", "\18\1", "\34\1\2\3", "\50\1", "\66\0", "\12", "\28ab", "\21", "\21\9\0abc",
		"\37\255\255\255\255ab", "\6", "\14\10\1", "\30\1", "\6\12a", "\254", "\254\34\255\255\255\127", "\6\6\6", "\3",
		("\14"):rep(1000), "\255\255", "\1garbage" } do
		check.raises("Invalid serialize stream ", "no packed values: " .. hex(bytes):sub(1, 20), unpack, bytes)
	end
	local whole = packstring(1, "text", { 1, { a = "b" } }, 2.5)
	for size = 1, #whole - 1 do
		local ok, err = pcall(unpack, whole:sub(1, size))
		check.ok(ok or err:find("^Invalid serialize stream %d+ %(line:%d+%)$"), "cut off after " .. size, err)
	end
	for _, bad in ipairs { 5, true, {} } do
		check.ok(not pcall(unpack, bad), "no bytes at all: " .. tostring(bad))
	end
end

check.run(function()
	golden()
	tables()
	refused()
end)
