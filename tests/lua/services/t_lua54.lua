-- SPDX-License-Identifier: MIT
-- Lua 5.3 and 5.4 syntax in a service whose rule says lua54 = true: operators, attributes, loading.

local check = dofile(SERVICE_PATH .. "check.lua")
local eq, ok, raises = check.eq, check.ok, check.raises

local function here()
	return debug.getinfo(2, "l").currentline
end

local function division()
	eq(7 // 2, 3, "7 // 2")
	eq(-7 // 2, -4, "-7 // 2")
	eq(7 // -2, -4, "7 // -2")
	eq(-7 // -2, 3, "-7 // -2")
	eq(7.5 // 2, 3, "7.5 // 2")
	eq(1 // 0.3, 3, "1 // 0.3")
	eq((2 ^ 53 - 1) // 2, 4503599627370495, "2^53 - 1 halved")
	eq("7" // "2", 3, "strings are converted")
	eq(1.5 // 0, 1 / 0, "a fraction by 0")
	raises("attempt to perform 'n//0'", "an integer by 0", function()
		return 1 // 0
	end)
	raises("attempt to perform arithmetic on a table value", "a table", function()
		return {} // 1
	end)
	eq(-7LL // 2, -4LL, "int64_t rounds down")
	eq(7LL // -2LL, -4LL, "two of them")
	eq((-9223372036854775807 - 1) // -1, -9223372036854775807 - 1, "the least by -1 wraps")
	eq(8 * 3 // 5 * 2, 8, "from left to right")
	eq(2 + 7 // 2, 5, "tighter than +")
	eq(-7 // 2 ^ 2, -2, "looser than ^, unary minus tighter")
	local t = setmetatable({}, { __idiv = function(a, b)
		return type(a) == "table" and "left" or "right"
	end })
	eq(t // 1, "left", "__idiv of the left operand")
	eq(1 // t, "right", "of the right one")
end

local function bits()
	eq(0xff & 0x0f, 15, "&")
	eq(0xf0 | 0x0f, 255, "|")
	eq(5 ~ 3, 6, "~")
	eq(~5, -6, "unary ~")
	eq(1 << 4, 16, "<<")
	eq(256 >> 4, 16, ">>")
	eq(-1 & 0xffffffff, 4294967295, "-1 & 0xffffffff is 32 ones")
	eq(-1 >> 32, 4294967295, ">> brings zeros")
	eq(~0xffffffff, -4294967296, "~ of 32 ones")
	eq(1 << 40 | 1 << 3, 1099511627784, "40 bits")
	eq((1 << 40 | 5) & ~(1 << 40), 5, "a bit taken out of 41")
	eq(-(2 ^ 53) | 1, -9007199254740991, "at the end of the exact range")
	eq(0xdeadbeef ~ 0xffffffff, 0x21524110, "the complement of 32 bits")
	eq(1 << 63 >> 63, 1LL, "through bit 63")
	eq(1 << 64, 0, "all bits out")
	eq(1 << -1, 0, "a negative shift goes the other way")
	eq(4 >> -1, 8, "and back")
	eq(1 << 62, 4611686018427387904LL, "beyond 2^53 the result is an int64_t")
	eq(type(1 << 53), "number", "up to it a number")
	eq((1 << 63) - 1, 9223372036854775807, "which wraps like one")
	eq(0xffffffffffffffff, -1, "a literal of 64 ones")
	eq(0x7fffffffffffffff, 9223372036854775807LL, "of 63")
	eq(9007199254740993, 9007199254740993LL, "a decimal one beyond 2^53")
	eq(type(9007199254740992), "number", "2^53 itself")
	eq(type(18446744073709551616), "number", "beyond 64 bits a number")
	eq(3.0 | 0, 3, "an integral float")
	eq("3" | 0, 3, "a string")
	eq(tostring(5LL | 0), "5LL", "int64_t stays int64_t")
	raises("number has no integer representation", "a fraction", function()
		return 1.5 | 0
	end)
	raises("number has no integer representation", "infinity", function()
		return 1 / 0 & 1
	end)
	raises("attempt to perform bitwise operation on a nil value", "nil", function()
		return nil & 1
	end)
	raises("attempt to perform bitwise operation on a string value", "text", function()
		return 1 ~ "x"
	end)
	local t = setmetatable({}, {
		__band = function() return "and" end, __bor = function() return "or" end, __bxor = function() return "xor" end,
		__shl = function() return "left" end, __shr = function() return "right" end, __bnot = function() return "not" end,
	})
	eq(table.concat({ t & 1, 1 | t, t ~ 1, 1 << t, t >> 1, ~t }, " "), "and or xor left right not", "metamethods")
end

-- FNV-1a, 64 bits, and CRC-32: what services compute with these operators.
local function hashes()
	local h = 0xcbf29ce484222325
	for i = 1, #"hello" do
		h = (h ~ ("hello"):byte(i)) * 0x100000001b3
	end
	eq(h, 0xa430d84680aabd0bLL, "FNV-1a of 64 bits")
	local crc = 0xffffffff
	for i = 1, #"123456789" do
		crc = crc ~ ("123456789"):byte(i)
		for _ = 1, 8 do
			crc = crc >> 1 ~ (0xedb88320 & -(crc & 1))
		end
	end
	eq(~crc & 0xffffffff, 0xcbf43926, "CRC-32")
	local sum, wanted = 0, 0
	for i = 1, 200000 do -- compiled
		sum = sum + (i & 0xff) + (i >> 4) + (i << 3 | 1) + i // 3 + (~i & 1) + (i << 34 >> 30)
		wanted = wanted + i % 256 + math.floor(i / 16) + i * 8 + 1 + math.floor(i / 3) + (i + 1) % 2 + i * 16
	end
	eq(sum, wanted, "a loop that is compiled")
	local wrong = 0
	for i = 1, 20000 do -- compiled too, beyond the 2^51 that LuaJIT's own bit operators take
		local a = 2 ^ 53 - i * 977
		if a & 0xffff ~= a % 65536 or (a | 1) ~= a + 1 - a % 2 or a ~ 1 ~= a + 1 - a % 2 * 2 or a >> 20 ~= a // 1048576 then
			wrong = wrong + 1
		end
	end
	eq(wrong, 0, "large numbers in a loop that is compiled")
end

local function precedence()
	eq(1 | 2 ~ 3 & 4 << 5 .. "", 3, "| ~ & << ..")
	eq(1 + 2 << 3, 24, "+ before <<")
	ok(5 & 4 == 4, "comparison comes last")
	eq(not 1 == 2, false, "not stays tight")
	eq(2 ^ -~1, 4, "unary operators behind ^")
	eq(- -~-5, 4, "unary operators in a row")
	eq(#"abc" << 1, 6, "# before <<")
	eq(("x"):rep(1 << 2), "xxxx", "as an argument")
	eq(({ 1 << 1, [1 | 2] = 3 // 2 })[3], 1, "in a table")
	eq((function(...) return select("#", ...) & 3 end)(1, 2, 3), 3, "in a function")
	eq(6 // 2 // 2, 1, "in a row")
	eq(10 - 5 // 2 * 3, 4, "mixed")
	local a --[[ a comment // ]] = 9 // -- and another // here
		2
	eq(a, 4, "comments and lines between")
	eq([[ 7 // 2 ]] .. '1 & 2', " 7 // 2 1 & 2", "strings are left alone")
end

local function attributes()
	local x <const> = 5
	local y <const>, z = 1, 2
	z = z + x + y
	eq(z, 8, "<const>")
	local function refused(text, part, name)
		local chunk, err = load(text, "=text")
		ok(chunk == nil and err == part, name, err)
	end
	refused("local x <const> = 1\nx = 2", "text:2: attempt to assign to const variable 'x'", "assigning to a constant")
	refused("local x <const> = 1; local y; y, x = 1, 2", "text:1: attempt to assign to const variable 'x'", "as one of two")
	refused("local x <const> = 1; function x() end", "text:1: attempt to assign to const variable 'x'", "by function")
	refused("local x <const> = 1; return function() x = 2 end", "text:1: attempt to assign to const variable 'x'", "from an inner function")
	refused("local x <close> = nil; x = 2", "text:1: attempt to assign to const variable 'x'", "to a closed one")
	refused("local x <foo> = 1", "text:1: unknown attribute 'foo'", "an unknown attribute")
	refused("local x <close>, y <close> = 1, 2", "text:1: multiple to-be-closed variables in local list", "two in a list")
	refused("local __lua54_x = 1 // 2", "text:1: names that begin with '__lua54' are reserved", "a name of ours")
	refused("return 1 //", "text:1: unexpected symbol near '<eof>'", "an unfinished expression")
	refused("x = 1 // 2\nif x then", "text:2: 'end' expected near '<eof>'", "an unfinished block")
	refused("x = = 1", "text:1: unexpected symbol near '='", "what LuaJIT finds, it says")
	for _, good in ipairs {
		"local x <const> = 1; do local x = 2; x = 3 end",
		"local x <const> = 1; local function f(x) x = 2 end",
		"local x <const> = 1; for x = 1, 2 do x = 3 end",
		"local x <const> = 1; local t = {}; t.x = 2; t[x] = 3",
		"local x <const> = function() x = 1 end",
		"do local x <const> = 1 end x = nil",
		"local x <const> = 1; local x = 2; x = 3",
	} do
		ok(load(good), good, select(2, load(good)))
	end
end

-- What Lua 5.2 allows and LuaJIT does not.
local function later_51()
	eq(load("local n = 0; for i = 1, 3 do if i == 2 then break; end; n = n + i end return n")(), 1, "break; before end")
	eq(load("for i = 1, 3 do do break end error() end return 1")(), 1, "break in the middle")
	eq(load("while true do break error 'no' end return 2")(), 2, "break before a statement")
	eq(load(";;; local x = 1;; ; return x;")(), 1, "empty statements")
	eq(load("local function f() return function(x) return x end end return f\n()\n(5)")(), 5, "a call that goes on in the next line")
	eq(load("for i = 1, 3 do if i == 2 then goto continue end local x = i ::continue:: ; end return 3")(), 3, "a label before ; end")
	eq(load("goto done; do ::done:: end ::done::;; return 4")(), 4, "labels")
end

-- Names that are no variables are fields of _ENV, where the source declares one.
local function environments()
	local function result(text, ...)
		local chunk, err = load(text, "=text")
		if not chunk then
			return err
		end
		return chunk(...)
	end
	eq(result "local _ENV = { x = 5 } return x", 5, "local _ENV")
	eq(result "do local _ENV = { x = 5 } y = 1 end return x == nil and y == nil", true, "in its block")
	eq(result("local function f(_ENV) return y end return f { y = 3 }"), 3, "as a parameter")
	eq(result "local n = 0 for _, _ENV in ipairs { { v = 1 }, { v = 2 } } do n = n + v end return n", 3, "of a loop")
	eq(result "local _ENV <const> = { a = 7, b = 2 } return a // b | 8", 11, "with operators around")
	eq(result "local t = {} do local _ENV = t a = 1 function f() return a end end return t.f() + t.a", 2,
		"globals and functions made in it")
	eq(result [[
		local t, pick = { c = {} }, select
		do local _ENV = t function c:m(...) return self == c and pick("#", ...) end end
		return t.c:m(1, 2)]], 2, "self is a variable of a method")
	eq(result "local a, _ENV = 1, { b = 2 } return (function() local b = 9 return function() return a + b end end)()()",
		10, "variables go before its fields")
	eq(result "local _ENV = { t = { 1, 2 }, next = next } local n = 0 for _, v in next, t do n = n + v end return n",
		3, "in loops")
	eq(result "local _ENV = { x = 1 } _ENV.x = _ENV.x + 1 return x", 2, "and by its name")
	eq(result "local _ENV = { x = 1 } _ENV = { x = 2 } return x", 2, "another value for it")
	eq(result "\n_ENV = {}", "text:2: a value for the chunk's _ENV is not translated: say local _ENV = ...",
		"the chunk's own is not replaced")
	eq(result "local _ENV <const> = {} _ENV = 1", "text:1: attempt to assign to const variable '_ENV'",
		"nor a constant one")
	eq(_ENV, _G, "_ENV is the globals")
	an_assigned_global = 4
	eq(_ENV.an_assigned_global, 4, "to be read")
	_ENV.an_assigned_global = nil
	eq(an_assigned_global, nil, "and to be written")
end

local function loops()
	local function steps(first, last, step)
		local list = {}
		for i = first, last, step do
			list[#list + 1] = i
			if #list > 9 then break end
		end
		return table.concat(list, " ")
	end
	eq(steps(1, 3, 1), "1 2 3", "a step")
	eq(steps(3, 1, -1), "3 2 1", "down")
	eq(steps(1, 2, 0.5), "1 1.5 2", "a fraction")
	eq(steps(1, 0, 1), "", "no step at all")
	eq(steps(math.huge, 1, 1), "", "from infinity")
	raises("'for' step is zero", "by nothing", steps, 1, 3, 0)
	local line = here() + 2
	raises(":" .. line .. ": 'for' step is zero", "with its line", function()
		for _ = 1, 3, line - line do end
	end)
	eq(select(2, load("for k in next, {}, nil, io.stdout do end", "=text")),
		"text:1: a value to be closed after the loop is not translated: use a local variable with <close>",
		"a fourth value of for")
	eq(load("for k in next, { 7 }, nil, nil do return k end")(), 1, "unless it is nil")
	local n = 0
	for i = 1, 10 do
		if i % 2 == 0 then goto continue end
		n = n + i
		::continue::
	end
	eq(n, 25, "goto continue")
	local kept = {}
	for i = 1, 3 do
		kept[i] = function() i = i + 10 return i end
	end
	eq(kept[1]() + kept[3]() + kept[1](), 45, "each step has its own variable")
end

local function text_of(chunk)
	local f, err = load(chunk, "=t")
	return f and f() or err
end

-- What Lua 5.4 and LuaJIT read the same way, in a source that is translated too.
local function literals()
	eq("\x41\z
		\65\u{48}\u{20AC}\u{10FFFF}", "AAH€\244\143\191\191", "escapes")
	eq(0x.8p1 + 0xA.8 + .5 + 3. + 1e2, 115, "numbers")
	for _, bad in ipairs { [["\q"]], [["\300"]], [["\xg1"]], [["\u{zz}"]], [["abc]], "1e", "3x", "1..2" } do
		ok(not load("return 1 // " .. bad), "no literal: " .. bad)
		local err = text_of("x = 1 // 1\nreturn " .. bad)
		ok(err:find("^t:2:"), "with its line: " .. bad, err)
	end
end

local function loading()
	eq(load("return 7 // ...", "=x")(2), 3, "load of a text, with arguments")
	local parts = { "return 1 <", "< 3" }
	eq(load(function() return table.remove(parts, 1) end)(), 8, "of pieces")
	eq(load("return x // 2", "=x", "t", { x = 9 })(), 4, "with an environment")
	eq(loadstring "return 5 ~ 1"(), 4, "loadstring")
	eq(select(2, load("x x")), "[string \"x x\"]:1: '=' expected near 'x'", "an error of a text names it")
	eq(select(2, load("x = 1 // 2 x x", "=name")), "name:1: '=' expected near 'x'", "also behind new syntax")
	eq(load(string.dump(load "return 6 // 4"))(), 1, "a function that was dumped")
end

local function lines()
	local line = here()
	local ok1, err = pcall(function()
		local a <const> = 1 // 1

		return a & {}
	end)
	ok(not ok1 and err:find(":" .. line + 4 .. ": attempt to perform bitwise", 1, true), "an error names its line", err)
	local trace = debug.traceback("", 1)
	ok(trace:find(":" .. here() - 1 .. ":", 1, true), "a traceback too", trace)
end

check.run(function()
	division()
	bits()
	hashes()
	precedence()
	attributes()
	later_51()
	environments()
	loops()
	literals()
	loading()
	lines()
end)
