-- SPDX-License-Identifier: MIT
-- What Lua 5.2 to 5.4 have and LuaJIT lacks: see luabind/compat.h and luabind/lua/compat.lua.

local check = dofile(SERVICE_PATH .. "check.lua")
local eq, ok, raises = check.eq, check.ok, check.raises

local function collect(f, ...)
	local list = {}
	for k, v in f(...) do
		list[#list + 1] = tostring(k) .. "=" .. tostring(v)
	end
	return table.concat(list, " ")
end

local function iteration()
	eq(collect(pairs, { 1, 2, x = 3 }), "1=1 2=2 x=3", "pairs of a plain table")
	local proxy = setmetatable({ hidden = 1 }, { __pairs = function(t)
		return function(_, k)
			if k == nil then
				return "only", t.hidden
			end
		end, t, nil
	end, __metatable = false })
	eq(collect(pairs, proxy), "only=1", "__pairs, also behind __metatable")
	eq(select("#", pairs(proxy)), 3, "pairs gives three values of __pairs")
	eq(collect(pairs, setmetatable({ a = 1 }, {})), "a=1", "pairs of a table whose metatable has no __pairs")
	eq(collect(pairs, setmetatable({ a = 1 }, setmetatable({}, { __index = { __pairs = error } }))), "a=1",
		"__pairs is read raw")
	eq(select(1, pairs {}), next, "pairs gives next itself")
	raises("bad argument #1 to 'pairs' (table expected, got nil)", "pairs of nil", pairs, nil)
	raises("t_compat.lua", "with the caller's line", function()
		local x = pairs(5)
		return x
	end)
	eq(collect(ipairs, { 1, 2, nil, 4 }), "1=1 2=2", "ipairs ends at nil")
	eq(collect(ipairs, setmetatable({ "a" }, { __index = { "x", "b", "c" } })), "1=a 2=b 3=c", "ipairs reads through __index")
	eq(collect(ipairs, setmetatable({}, { __index = function(_, i)
		return i < 4 and i * i or nil
	end })), "1=1 2=4 3=9", "and through an __index function")
	eq(collect(ipairs, "text"), "", "ipairs of a string finds nothing")
	raises("bad argument #1 to 'ipairs' (table expected, got nil)", "ipairs of nil", ipairs, nil)
	raises("bad argument #1 to 'ipairs' (table expected, got number)", "ipairs of a number", ipairs, 5)
end

local function tables()
	local len = setmetatable({ 1, 2 }, { __len = function()
		return 9
	end })
	eq(rawlen(len), 2, "rawlen of a table")
	eq(rawlen "abc", 3, "rawlen of a string")
	raises("table or string expected", "rawlen of a number", rawlen, 5)
	local packed = table.pack(1, nil, nil)
	ok(packed.n == 3 and packed[1] == 1 and rawlen(packed) == 1, "table.pack counts nils")
	eq(table.pack().n, 0, "table.pack of nothing")
	eq(select("#", table.unpack(packed, 1, packed.n)), 3, "table.unpack")
	eq(table.concat(table.move({ 1, 2, 3 }, 1, 3, 2), " "), "1 1 2 3", "table.move")
	eq(package.searchers, package.loaders, "package.searchers")
	local before = package.searchers
	local mine = { unpack(before) }
	table.insert(mine, 1, function(name)
		return name == "made.up" and function()
			return "searched"
		end or "\n\tnot made up"
	end)
	package.searchers = mine
	eq(require "made.up", "searched", "replacing package.searchers is what require sees")
	package.searchers = before
	eq(rawget(package, "searchers"), nil, "and it stays one field")
	eq(_ENV, _G, "_ENV is the globals")
end

local function integers()
	eq(math.type(3), "integer", "math.type of an integral number")
	eq(math.type(-0), "integer", "of zero with a sign")
	eq(math.type(3.5), "float", "of a fraction")
	eq(math.type(2 ^ 62), "integer", "within 64 bits")
	eq(math.type(2 ^ 63), "float", "beyond 64 bits")
	eq(math.type(1 / 0), "float", "of infinity")
	eq(math.type(0 / 0), "float", "of what is no number")
	eq(math.type "3", nil, "of a string")
	eq(math.type(5LL), "integer", "of an int64_t")
	eq(math.type(5ULL), "integer", "of a uint64_t")
	eq(math.type(require "ffi".new "int32_t[1]"), nil, "of another cdata")
	raises("value expected", "of nothing", math.type)
	eq(math.tointeger(3), 3, "math.tointeger of an integer")
	eq(math.tointeger "8", 8, "of a string")
	eq(math.tointeger(3.5), nil, "of a fraction")
	eq(math.tointeger "x", nil, "of another string")
	eq(math.tointeger {}, nil, "of a table")
	eq(math.tointeger(9007199254740993LL), 9007199254740993LL, "of an int64_t")
	eq(1 / math.tointeger(-0), 1 / 0, "of zero with a sign")
	eq(math.ult(1, 2), true, "math.ult")
	eq(math.ult(2, 1), false, "math.ult the other way")
	eq(math.ult(1, -1), true, "negative ones are large")
	eq(math.ult(-2, -1), true, "two of them")
	eq(math.ult(0x7fffffffffffffffLL, -1), true, "64-bit ones")
	raises("number has no integer representation", "a fraction", math.ult, 1.5, 2)
	raises("bad argument #2", "a table", math.ult, 1, {})
	ok(math.maxinteger + 1 > math.maxinteger and math.maxinteger == 2 ^ 53 - 1, "math.maxinteger is exact")
	ok(math.mininteger == -math.maxinteger - 1, "math.mininteger")
end

local function chunks()
	eq(load("return x", "=name", "t", { x = 7 })(), 7, "load with an environment")
	raises("attempt to load chunk with wrong mode", "load with a mode", function()
		assert(load("return 1", "=name", "b"))
	end)
	local pieces = { "return ", "1 + ", "2" }
	eq(load(function()
		return table.remove(pieces, 1)
	end)(), 3, "load from a function")
	eq(select(2, load("x x", "=name")), "name:1: '=' expected near 'x'", "load names the chunk")
	eq(select(2, xpcall(function(a, b)
		return a + b
	end, error, 3, 4)), 7, "xpcall passes arguments")
end

local function main_coroutine()
	local co, is_main = coroutine.running()
	ok(type(co) == "thread" and not is_main, "coroutine.running in a task")
	ok(MAIN_RUNNING[1] and MAIN_RUNNING[2] == true and MAIN_RUNNING[1] ~= co, "and in the main coroutine")
end

local function closing()
	local log = {}
	local co = coroutine.create(function()
		pcall(pcall, pcall, function()
			coroutine.yield "first"
			log[#log + 1] = "ran on"
		end)
		log[#log + 1] = "after pcall"
	end)
	eq(select(2, coroutine.resume(co)), "first", "a coroutine")
	eq(coroutine.close(co), true, "coroutine.close of a suspended one")
	eq(coroutine.status(co), "dead", "it is dead")
	eq(select(2, coroutine.resume(co)), "cannot resume dead coroutine", "for resume too")
	eq(#log, 0, "no pcall in it has run on")
	eq(coroutine.close(co), true, "closing it again")
	eq(coroutine.close(coroutine.create(print)), true, "one that has not begun")
	local failed = coroutine.create(error)
	coroutine.resume(failed, "why")
	eq(coroutine.close(failed), true, "one that has failed")
	local done = coroutine.create(function() end)
	coroutine.resume(done)
	eq(coroutine.close(done), true, "one that has ended")
	raises("cannot close a running coroutine", "the running one", coroutine.close, (coroutine.running()))
	raises("cannot close a normal coroutine", "one that waits", function()
		local outer = coroutine.running()
		local inner = coroutine.create(function()
			coroutine.close(outer)
		end)
		local _, err = coroutine.resume(inner)
		error(err, 0)
	end)
	raises("coroutine expected", "something else", coroutine.close, {})
	local weak = setmetatable({}, { __mode = "v" })
	do
		weak.big = {}
		local held = coroutine.create(function(big)
			coroutine.yield()
			return big
		end)
		coroutine.resume(held, weak.big)
		weak.co = held
		coroutine.close(held)
	end
	collectgarbage()
	collectgarbage()
	eq(weak.big, nil, "what a closed one held is garbage")
	local hooked
	debug.sethook(function()
		hooked = true
	end, "l")
	local again = coroutine.create(function()
		coroutine.yield()
	end)
	coroutine.resume(again)
	coroutine.close(again)
	hooked = false
	local _ = 1
	debug.sethook()
	ok(hooked, "the user's hook survives a close")
	eq((debug.gethook()), nil, "and nothing is left of ours")
	local sum = 0
	for i = 1, 2000 do
		local one = coroutine.create(function()
			coroutine.yield(i)
			sum = sum + 1e9
		end)
		sum = sum + select(2, coroutine.resume(one))
		coroutine.close(one)
	end
	eq(sum, 2001000, "two thousand of them, in a loop that is compiled")
end

local function finalizers()
	local log = {}
	local meta = { __gc = function(object)
		log[#log + 1] = object.name
	end }
	setmetatable({ name = "before" }, meta)
	require "compat_gc"
	local kept = setmetatable({ name = "kept", 1, 2 }, meta)
	setmetatable({ name = "first" }, meta)
	setmetatable({ name = "second" }, meta)
	setmetatable({ name = "marked too late" }, {})
	setmetatable({ name = "raises" }, { __gc = function()
		error "on purpose"
	end })
	collectgarbage()
	collectgarbage()
	eq(table.concat(log, " "), "second first", "__gc of tables, the last one first")
	eq(collect(pairs, kept), "1=1 2=2 name=kept", "pairs does not show the guard")
	eq(next(setmetatable({}, meta)), nil, "nor does next")
	eq(#kept, 2, "nor the length")
	eq(getmetatable(kept), meta, "the metatable is the one that was set")
	setmetatable(kept, meta)
	kept = nil
	collectgarbage()
	collectgarbage()
	eq(table.concat(log, " ", 3), "kept", "finalized once, however often it was marked")
end

MAIN_RUNNING = { coroutine.running() }
check.run(function()
	iteration()
	tables()
	integers()
	chunks()
	main_coroutine()
	closing()
	finalizers()
end)
