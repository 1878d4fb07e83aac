-- SPDX-License-Identifier: MIT
-- string.pack, unpack and packsize, and utf8: the values and texts are those of Lua 5.4.

local check = dofile(SERVICE_PATH .. "check.lua")
local eq, ok, raises = check.eq, check.ok, check.raises
local pack, unpack, packsize = string.pack, string.unpack, string.packsize

local function hex(text)
	return (text:gsub(".", function(c)
		return string.format("%02x", c:byte())
	end))
end

local function values(...)
	local words = { ... }
	for i = 1, select("#", ...) do
		words[i] = tostring(words[i])
	end
	return table.concat(words, " ")
end

local function golden()
	for _, case in ipairs {
		{ "01", "b", 1 }, { "ff", "b", -1 }, { "80", "b", -128 }, { "ff", "B", 255 },
		{ "0102", ">h", 0x102 }, { "0201", "<h", 0x102 }, { "0201", "=h", 0x102 }, { "ffff", "H", 65535 },
		{ "04030201", "<i", 0x1020304 }, { "01020304", ">I", 0x1020304 },
		{ "ffffffffffffffff", "j", -1 }, { "0000000000000020", "<l", 2 ^ 61 }, { "ffffffffffffffff", "J", 0xffffffffffffffffULL },
		{ "0100000000002000", "<i8", 9007199254740993LL }, { "0500000000000000", "T", 5 },
		{ "fffffe", ">i3", -2 }, { "feffffffffffffffffffffffffffffff", "<i16", -2 },
		{ "00000000000000000000000000000005", ">I16", 5 }, { "feffffffffffffff00", "<I9", -2 },
		{ "0000803f", "<f", 1 }, { "000000000000f03f", "<d", 1 }, { "3ff0000000000000", ">n", 1 },
		{ "6162", "c2", "ab" }, { "616200", "c3", "ab" }, { "", "c0", "" }, { "616200", "z", "ab" },
		{ "026162", "s1", "ab" }, { "00026162", ">s2", "ab" }, { "0200000000000000" .. "6162", "<s", "ab" },
		{ "0100", "bx", 1 }, { "01000000" .. "02000000", "<!4 b i4", 1, 2 }, { "01000000", "!4 b Xi4", 1 },
		{ "0100000000000000" .. "02", "!b Xd b", 1, 2 }, { "01" .. "0002" .. "0300", "b >h <h", 1, 2, 3 },
		{ "0102000000", "<b i4", 1, 2 }, { "01000200", "<!2 b h", 1, 2 }, { "01", "b", "1" }, { "", "" }, { "", " < > = ! " },
	} do
		local bytes = pack(case[2], table.unpack(case, 3))
		eq(hex(bytes), case[1], "pack " .. case[2])
		local n = #case - 2
		local back = { unpack(case[2], bytes) }
		for i = 1, n do
			local wanted = case[2 + i]
			if type(wanted) == "string" and case[2] ~= "c3" then
				wanted = tonumber(wanted) or wanted
			elseif type(wanted) == "cdata" then
				wanted = wanted == 0xffffffffffffffffULL and -1 or wanted
			end
			ok(case[2] == "c3" and back[i] == "ab\0" or back[i] == wanted, "unpack " .. case[2], values(back[i], wanted))
		end
		eq(back[n + 1], #bytes + 1, "and the position behind, " .. case[2])
	end
end

local function positions()
	eq(values(unpack("b", "abc")), "97 2", "unpack from the beginning")
	eq(values(unpack("b", "abc", 3)), "99 4", "from a position")
	eq(values(unpack("b", "abc", -1)), "99 4", "from the end")
	eq(values(unpack("b", "abc", -9)), "97 2", "from before the beginning")
	eq(values(unpack("b", "abc", 0)), "97 2", "from 0")
	eq(values(unpack("", "abc", 4)), "4", "from behind the last byte")
	eq(values(unpack("!4 i4", "xxxx\1\0\0\0", 3)), "1 9", "alignment counts from the beginning of the string")
	eq(values(unpack("<J", "\255\255\255\255\255\255\255\255")), "-1 9", "unsigned 64 bits wrap as Lua's integers")
	eq(values(unpack("<j", "\1\0\0\0\0\0\32\0")), "9007199254740993LL 9", "what no number holds is an int64_t")
	eq(values(unpack("<i16", "\5" .. ("\0"):rep(15))), "5 17", "sixteen bytes that fit")
	local nan = unpack("<d", "\1\0\0\0\0\0\248\127")
	ok(nan ~= nan and type(nan) == "number", "a NaN with a payload is a number")
	nan = unpack("<d", ("\255"):rep(8))
	ok(nan ~= nan and type(nan) == "number", "any NaN")
	nan = unpack("<f", ("\255"):rep(4))
	ok(nan ~= nan and type(nan) == "number", "also a short one")
	eq(pack("f", 1e300), pack("f", 1 / 0), "a float that is too large is infinite")
	eq(packsize "!8 b d i4", 20, "packsize")
	eq(packsize "", 0, "of nothing")
	eq(packsize "c2147483639", 2147483639, "of much")
	eq(#pack("c100000", "x"), 100000, "a large fixed string")
	local text = ("x"):rep(100000)
	eq(unpack("s4", pack("s4", text)), text, "a large string")
end

local function refusals()
	raises("integral size (17) out of limits [1,16]", "size 17", pack, "i17", 1)
	raises("integral size (0) out of limits [1,16]", "size 0", pack, "i0", 1)
	raises("format asks for alignment not power of 2", "alignment 3", pack, "!4 i3", 1)
	raises("invalid next option for option 'X'", "X at the end", pack, "X")
	raises("invalid next option for option 'X'", "X before z", pack, "Xz")
	raises("invalid next option for option 'X'", "X before c", pack, "Xc1")
	raises("invalid format option 'y'", "an unknown option", pack, "y")
	raises("missing size for format option 'c'", "c without a size", pack, "c")
	raises("invalid format option '7'", "a size beyond 2^31", packsize, "c2147483647c2147483647")
	raises("format result too large", "a total beyond 2^31", packsize, "c2147483639c2147483639")
	raises("variable-length format", "packsize of s", packsize, "s")
	raises("variable-length format", "packsize of z", packsize, "z")
	raises("(integer overflow)", "200 in a signed byte", pack, "b", 200)
	raises("integer overflow", "-129 in a signed byte", pack, "b", -129)
	raises("unsigned overflow", "256 in a byte", pack, "B", 256)
	raises("unsigned overflow", "-1 in a byte", pack, "B", -1)
	raises("integer overflow", "a long one in four bytes", pack, "i4", 0x100000000)
	raises("number has no integer representation", "a fraction", pack, "i", 1.5)
	raises("number has no integer representation", "2^63", pack, "j", 2 ^ 63)
	raises("number expected, got string", "text", pack, "i", "x")
	raises("(number expected, got nil)", "a missing value", pack, "i2")
	raises("bad argument #3 to", "the second one missing", pack, "i2i2", 1)
	raises("number expected, got cdata", "another cdata", pack, "i", require "ffi".new "int[1]")
	raises("string longer than given size", "c with too much", pack, "c2", "abc")
	raises("string contains zeros", "z with a zero", pack, "z", "a\0")
	raises("string length does not fit in given size", "s1 with too much", pack, "s1", ("x"):rep(256))
	raises("data string too short", "too few bytes", unpack, "i4", "abc")
	raises("data string too short", "a length that lies", unpack, "<s4", "\255\255\255\255ab")
	raises("data string too short", "a length beyond all", unpack, "s8", ("\255"):rep(16))
	raises("9-byte integer does not fit into Lua Integer", "nine bytes", unpack, "i9", ("\1"):rep(9))
	raises("16-byte integer does not fit into Lua Integer", "a sign that changes", unpack, "<i16", ("\255"):rep(8) .. ("\0"):rep(8))
	raises("unfinished string for format 'z'", "z without an end", unpack, "z", "abc")
	raises("initial position out of string", "a position behind", unpack, "b", "abc", 5)
	raises("data string too short", "padding beyond the end", unpack, "!4 b i4", "a")
end

local function codes_of(text, lax)
	local list = {}
	for at, code in utf8.codes(text, lax) do
		list[#list + 1] = at .. ":" .. code
	end
	return table.concat(list, " ")
end

local function utf8_values()
	eq(utf8.char(72, 228, 0x20ac, 0x10ffff), "Hä€\u{10ffff}", "utf8.char")
	eq(utf8.char(), "", "of nothing")
	eq(hex(utf8.char(0x7fffffff)), "fdbfbfbfbfbf", "of six bytes")
	eq(hex(utf8.char(0x7f, 0x80, 0x7ff, 0x800, 0xffff, 0x10000, 0x1fffff, 0x200000, 0x3ffffff, 0x4000000)),
		"7fc280dfbfe0a080efbfbff0908080f7bfbfbff888808080fbbfbfbfbffc8480808080", "at each boundary")
	local n = 0
	for _ in ("aé€\0"):gmatch(utf8.charpattern) do
		n = n + 1
	end
	eq(n, 4, "it matches a character, the zero byte too")
	eq(codes_of "aé€", "1:97 2:233 4:8364", "utf8.codes")
	eq(codes_of "", "", "of nothing")
	eq(values(utf8.codepoint("héllo", 1, -1)), "104 233 108 108 111", "utf8.codepoint")
	eq(values(utf8.codepoint("é")), "233", "of the first")
	eq(values(utf8.codepoint("abc", 3, 2)), "", "of an empty range")
	eq(utf8.len "Häß€", 4, "utf8.len")
	eq(values(utf8.len "a\255"), "nil 2", "and where a bad byte is")
	eq(utf8.len("abc", 4), 0, "behind the last")
	eq(utf8.len("aéb", -1), 1, "from the end")
	eq(values(utf8.len "\192\128"), "nil 1", "longer than needed")
	eq(values(utf8.len "\u{d7ff}\237\160\128"), "nil 4", "a surrogate")
	eq(utf8.len("\237\160\128", 1, -1, true), 1, "which lax lets pass")
	eq(values(utf8.len "\244\144\128\128"), "nil 1", "beyond Unicode")
	eq(utf8.len("\244\144\128\128", 1, -1, true), 1, "which lax lets pass too")
	eq(values(utf8.len "\226\130"), "nil 1", "cut off")
	eq(utf8.offset("aé€b", 3), 4, "utf8.offset")
	eq(utf8.offset("aé€b", 5), 8, "of the one behind the last")
	eq(utf8.offset("aé€b", 6), nil, "of what is not there")
	eq(utf8.offset("aé€b", -2), 4, "from the end")
	eq(utf8.offset("aé€b", -5), nil, "too far from the end")
	eq(utf8.offset("aé€b", 0, 6), 4, "of the character that a byte is in")
	eq(utf8.offset("abc", 1, 4), 4, "from behind the last")
end

local function utf8_refusals()
	raises("value out of range", "char of -1", utf8.char, -1)
	raises("value out of range", "char beyond 31 bits", utf8.char, 0x80000000)
	raises("(out of bounds)", "codepoint of 0", utf8.codepoint, "abc", 0)
	raises("(out of bounds)", "codepoint behind", utf8.codepoint, "abc", 1, 5)
	raises("invalid UTF-8 code", "codepoint of a bad byte", utf8.codepoint, "\255")
	raises("initial position out of bounds", "len from behind", utf8.len, "abc", 5)
	raises("final position out of bounds", "len to behind", utf8.len, "abc", 1, 4)
	raises("position out of bounds", "offset from behind", utf8.offset, "abc", 1, 5)
	raises("initial position is a continuation byte", "offset from inside", utf8.offset, "aé", 1, 3)
	raises("invalid UTF-8 code", "codes of a bad byte", codes_of, "a\255")
	raises("invalid UTF-8 code", "codes of a stray byte", codes_of, "ab\128")
	raises("invalid UTF-8 code", "codes that begin badly", utf8.codes, "\128a")
end

-- 64-bit ids travel: skynet.pack, string.pack.
local function ids()
	local skynet = require "skynet"
	local function there_and_back(...)
		return skynet.unpack(skynet.packstring(...))
	end
	local id = 0x7edcba9876543211LL
	eq(there_and_back(id), id, "an id of 63 bits survives skynet.pack")
	eq(there_and_back(-id), -id, "a negative one too")
	eq(there_and_back(2 ^ 53), 2 ^ 53, "2^53 stays a number")
	eq(type(there_and_back(5LL)), "number", "a small int64_t becomes a number")
	eq(select(2, there_and_back("x", { id = id })).id, id, "inside a table")
	eq(#skynet.packstring(100), 2, "an integral number travels as an integer")
	eq(#skynet.packstring(100.5), 9, "a fraction does not")
	eq(skynet.packstring(2 ^ 40), skynet.packstring(1099511627776LL), "number or int64_t, the bytes are the same")
	eq(unpack("<j", pack("<j", id)), id, "an id survives string.pack")
	local echo
	skynet.dispatch("lua", function(_, _, value)
		skynet.retpack(value)
	end)
	skynet.fork(function()
		echo = skynet.call(skynet.self(), "lua", id)
	end)
	check.soon(function()
		return echo == id
	end, "and a call")
end

check.run(function()
	golden()
	positions()
	refusals()
	utf8_values()
	utf8_refusals()
	ids()
end)
