-- SPDX-License-Identifier: MIT
-- Functions and syntax of Lua 5.2 to 5.4 in a service without lua54, at their edges: what LuaJIT has by itself, beside
-- what t_compat.lua and t_strpack.lua test. Values and texts are Lua 5.4's where nothing else is said.

local check = dofile(SERVICE_PATH .. "check.lua")
local eq, ok, raises = check.eq, check.ok, check.raises

local function joined(...)
	local words = {}
	for i = 1, select("#", ...) do
		words[i] = tostring((select(i, ...)))
	end
	return table.concat(words, " ")
end

local function moves()
	local function moved(list, ...)
		return table.concat(table.move(list, ...), " ")
	end
	eq(moved({ 1, 2, 3, 4, 5 }, 1, 3, 3), "1 2 1 2 3", "table.move up over itself")
	eq(moved({ 1, 2, 3, 4, 5 }, 3, 5, 1), "3 4 5 4 5", "down over itself")
	eq(moved({ 1, 2, 3 }, 1, 3, 1), "1 2 3", "where it is")
	eq(moved({ 1, 2, 3 }, 1, 0, 2), "1 2 3", "nothing")
	eq(moved({ 1, 2, 3 }, 3, 1, 1), "1 2 3", "a range that ends before it begins")
	eq(moved({ 1, 2, 3 }, 1, 3, 2, { 9, 9, 9, 9 }), "9 1 2 3", "into another table")
	local from, to = { 1, 2, 3 }, {}
	eq(table.move(from, 1, 3, 1, to), to, "gives the table that it has moved into")
	eq(table.move(from, 1, 3, 2), from, "or its own")
	local holes = table.move({ 1, nil, 3 }, 1, 3, 2, { 7, 7, 7, 7 })
	eq(joined(unpack(holes, 1, 4)), "7 1 nil 3", "nils are moved")
	local far = table.move({ 1, 2 }, 1, 2, -5, {})
	ok(far[-5] == 1 and far[-4] == 2, "to below 1")
	for i, bad in ipairs { { 5, 1, 2, 3 }, { {}, "x", 2, 3 }, { {}, 1, {}, 3 }, { {}, 1, 2 }, { {}, 1, 2, 3, 4 } } do
		raises("bad argument #", "a wrong argument, " .. i, table.move, unpack(bad, 1, 5))
	end
end

local function ranges()
	eq(joined(table.unpack { 1, 2, 3 }), "1 2 3", "table.unpack")
	eq(joined(table.unpack({ 1, 2, 3 }, 2)), "2 3", "from a place")
	eq(joined(table.unpack({ 1, 2, 3 }, 2, 3)), "2 3", "to a place")
	eq(joined(table.unpack({ 1, 2, 3 }, -1, 1)), "nil nil 1", "from below 1")
	eq(joined(table.unpack({ 1, 2 }, 1, 4)), "1 2 nil nil", "beyond the end")
	eq(select("#", table.unpack({ 1, 2 }, 3, 2)), 0, "an empty range")
	eq(select("#", table.unpack({}, 1, 200)), 200, "a long one")
	raises("too many results to unpack", "too long a one", table.unpack, {}, 1, 1e8)
	eq(joined(select(2, "a", "b", "c")), "b c", "select")
	eq(joined(select(-1, "a", "b", "c")), "c", "from the end")
	eq(joined(select(-3, "a", "b", "c")), "a b c", "all from the end")
	eq(select("#"), 0, "select counts nothing")
	eq(select("#", nil, nil), 2, "and nils")
	eq(select("#", select(4, 1, 2, 3)), 0, "from behind the end")
	raises("index out of range", "select 0", select, 0, 1)
	raises("index out of range", "too far from the end", select, -2, 1)
	eq(table.pack("a", nil).n, 2, "table.pack")
	eq(joined(unpack(table.pack(nil, 1, nil), 1, 3)), "nil 1 nil", "keeps nils in their places")
end

local function strings()
	eq(("x"):rep(3, ","), "x,x,x", "string.rep with a separator")
	eq(("x"):rep(1, ","), "x", "once")
	eq(("x"):rep(0, ","), "", "not at all")
	eq(("x"):rep(-1, ","), "", "less than that")
	eq(("ab"):rep(2, ""), "abab", "an empty separator")
	eq((""):rep(3, ","), ",,", "an empty text")
	eq("\x41\z
		\65\u{48}\u{20AC}", "AAH€", "escapes")
	eq(#"\z   ", 0, "\\z at the end")
	for _, bad in ipairs { [["\xg1"]], [["\u{zz}"]], [["\300"]], [["\q"]] } do
		ok(not load("return " .. bad), "no escape: " .. bad)
	end
	local shown = setmetatable({}, { __tostring = function()
		return "shown"
	end })
	eq(("%s|%10s|%-7s|%.2s"):format(shown, shown, shown, shown), "shown|     shown|shown  |sh", "__tostring in string.format")
	eq(("%s %s"):format(nil, true), "nil true", "any value as %s")
	eq(("%q"):format "a\nb\0c\"\\", "\"a\\\nb\\0c\\\"\\\\\"", "%q")
	eq(("%i %d %5.1f %x %5.2s|"):format(3, "10", 3.14159, 255, "abc"), "3 10   3.1 ff    ab|", "other formats")
	eq(("%a"):format(1), "0x1p+0", "%a")
	eq(("x\0y"):find "\0", 2, "a zero byte in a pattern")
	eq(("THE (quick) fox"):gsub("%f[%a]%a+", "W"), "W (W) W", "%f")
	eq(("%g"):rep(1) and ("a b"):match "%g+", "a", "%g")
	eq(joined(("abc"):byte(1, -1)), "97 98 99", "byte of a range")
	eq(tonumber("0x1p4"), 16, "a hexadecimal float")
	eq(joined(tonumber("zz", 36), tonumber("-ff", 16), tonumber("8", 8)), "1295 -255 nil", "other bases")
	raises("base out of range", "a base that there is not", tonumber, "1", 99)
end

local function texts_of(reader)
	local f, err = load(reader)
	return f and f() or err
end

local function chunks()
	local function pieces(...)
		local list, i = { ... }, 0
		return function()
			i = i + 1
			return list[i]
		end
	end
	eq(texts_of(pieces("return ", "4", "2")), 42, "load from pieces")
	eq(texts_of(pieces("return ", "4", "", "2")), 4, "an empty piece is the end")
	eq(texts_of(pieces("return")), nil, "one piece")
	local chunk, why = load(function()
		error("in the reader", 0)
	end)
	-- LuaJIT shows it to the handler of the xpcall around, which adds a traceback here.
	ok(chunk == nil and why:find "^in the reader", "an error in the reader", why)
	ok(select(2, load(function()
		return {}
	end)):find("reader function must return a string", 1, true), "a piece that is no string")
	eq(load("return ...", "n")(5), 5, "arguments of a chunk")
	eq(select(2, load("x =", "@n.lua")), "n.lua:1: unexpected symbol near '<eof>'", "the name of a file")
	eq(select(2, load("x =", "=n")), "n:1: unexpected symbol near '<eof>'", "another name")
	eq(select(2, load("x =", "one\ntwo")), "[string \"one...\"]:1: unexpected symbol near '<eof>'", "a text as the name")
	local env = {}
	local f = load("a = 5 return a", "n", "t", env)
	ok(f() == 5 and env.a == 5 and rawget(_G, "a") == nil, "the environment of a chunk")
	local code = string.dump(function()
		return 7
	end)
	eq(load(code, "n", "b")(), 7, "bytecode")
	eq(load(code, "n", "bt")(), 7, "either")
	ok(select(2, load(code, "n", "t")):find("wrong mode", 1, true), "no bytecode, please")
	ok(select(2, load("return 1", "n", "b")):find("wrong mode", 1, true), "no text, please")
	eq(loadfile "/no/such/file", nil, "loadfile of what is not there")
	ok(not pcall(dofile, "/no/such/file"), "dofile of it raises")
	raises("bad argument", "no chunk at all", load, {})
end

local function errors()
	eq(joined(xpcall(function(...)
		return select("#", ...), ...
	end, print, 1, nil)), "true 2 1 nil", "xpcall passes arguments")
	local object = {}
	eq(select(2, pcall(error, object)), object, "any value is an error")
	eq(joined(pcall(error)), "false nil", "nil too")
	eq(select(2, xpcall(error, function(e)
		return e .. " handled"
	end, "it is")), "it is handled", "the handler of xpcall")
	eq(select(2, pcall(error, "plain", 0)), "plain", "level 0 adds no place")
	eq(select(2, pcall(assert, false)), "assertion failed!", "assert")
	eq(select(2, pcall(assert, nil, object)), object, "with a value")
	eq(joined(assert(1, nil, 3)), "1 nil 3", "it gives what it gets")
	ok(not pcall(setmetatable, setmetatable({}, { __metatable = "no" }), {}), "__metatable")
	eq(getmetatable(setmetatable({}, { __metatable = "no" })), "no", "is what is seen")
end

local function coroutines()
	eq(coroutine.isyieldable(), true, "a task can yield")
	local co
	co = coroutine.create(function()
		return coroutine.status(co), coroutine.running()
	end)
	eq(joined(coroutine.resume(co)), "true running " .. tostring(co) .. " false", "running in a coroutine")
	eq(coroutine.status(co), "dead", "at its end")
	local thrown = {}
	eq(select(2, pcall(coroutine.wrap(function()
		error(thrown)
	end))), thrown, "coroutine.wrap raises what was raised")
	local once = coroutine.wrap(function()
		return 1
	end)
	once()
	raises("cannot resume dead coroutine", "and ends", once)
	eq(joined(coroutine.resume(coroutine.create(function()
		local good, value = pcall(coroutine.yield, "out")
		return good, value
	end))), "true out", "a yield across pcall")
	raises("bad argument #1", "no function", coroutine.create, 5)
	raises("bad argument #1", "no coroutine", coroutine.resume, 5)
end

local function syntax()
	local n = 0
	for i = 1, 10 do
		if i % 2 == 0 then
			goto continue
		end
		n = n + i
		::continue::
	end
	eq(n, 25, "goto continue")
	do
		local i = 1
		::again::
		i = i * 2
		if i < 100 then
			goto again
		end
		eq(i, 128, "goto back")
	end
	ok(not load "goto nowhere", "a label that is not there")
	ok(not load "do ::inner:: end goto inner", "one in a block")
	ok(not load "goto over local a ::over:: print(a)", "a jump into the scope of a local")
	ok(not load "::twice:: ::twice::", "a label that is there twice")
	ok(not load "break", "break outside of loops")
	local kept = {}
	for i = 1, 3 do
		kept[i] = function()
			i = i + 10
			return i
		end
	end
	eq(kept[1]() + kept[3]() + kept[1](), 45, "each step has its own variable")
	local steps = {}
	for i = 1, 2, 0.5 do
		steps[#steps + 1] = i
	end
	eq(table.concat(steps, " "), "1 1.5 2", "a loop by fractions")
	for _ = math.huge, 1 do
		ok(false, "a loop from infinity")
	end
	ok(not pcall(function()
		for _ = 1, {} do -- luacheck: ignore
		end
	end), "a limit that is no number")
	eq(joined(0x.8p1, 0xA.8, .5, 3., 1e2), "1 10.5 0.5 3 100", "numbers")
	eq(math.log(8, 2), 3, "math.log with a base")
	eq(joined(-5 % 3, 5 % -3, -5.5 % 2), "1 -1 0.5", "% rounds down")
end

local function packages()
	eq(package.searchers[1]("no.such"), "\n\tno field package.preload['no.such']", "a searcher says where it has looked")
	local path, tried = package.searchpath("no.such", "./?.a;./?.b")
	eq(path, nil, "package.searchpath of what is not there")
	ok(tried:find("./no/such.a", 1, true) and tried:find("./no/such.b", 1, true), "and where it has looked", tried)
	ok(package.searchpath("check", SERVICE_PATH .. "?.lua") == SERVICE_PATH .. "check.lua", "package.searchpath")
	package.preload["made.here"] = function(name, extra)
		return { name, extra }
	end
	eq(require "made.here"[1], "made.here", "package.preload")
	eq(require "made.here", package.loaded["made.here"], "package.loaded")
	eq(require "string", string, "the libraries are modules")
	package.loaded["made.here"] = false
	eq(require "made.here", false, "false is a module that was loaded")
end

check.run(function()
	moves()
	ranges()
	strings()
	chunks()
	errors()
	coroutines()
	syntax()
	packages()
end)
