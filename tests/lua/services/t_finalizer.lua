-- SPDX-License-Identifier: MIT
-- Finalizers that fail: see luabind/lua/finalizer.lua.

local ffi = require "ffi"
local check = dofile(SERVICE_PATH .. "check.lua")

local runs = 0

local function fail()
	runs = runs + 1
	error("a finalizer fails")
end

local function make(finalizer)
	local proxy = newproxy(true)
	getmetatable(proxy).__gc = finalizer
	return proxy
end

local function each_kind()
	make(fail)
	newproxy(make(fail)) -- a second one with the same metatable
	ffi.gc(ffi.new "int[4]", fail)
	ffi.metatype(ffi.typeof "struct { int x; }", { __gc = fail })()
	local ok, err = pcall(collectgarbage)
	check.eq(ok, true, "a failing finalizer does not fail the collection " .. tostring(err))
	pcall(collectgarbage)
	check.eq(runs, 5, "each finalizer ran once")
end

local function kept_things()
	local seen
	local proxy = newproxy(true)
	local meta = getmetatable(proxy)
	meta.__index = { x = 1 }
	check.eq(proxy.x, 1, "other fields are as they were set")
	check.eq(rawget(meta, "__index").x, 1, "and are there")
	meta.__gc = function(object)
		seen = object.x
	end
	proxy = nil
	collectgarbage()
	check.eq(seen, 1, "a finalizer gets its object")
	local cdata = ffi.gc(ffi.new "int[1]", nil)
	check.eq(type(cdata), "cdata", "ffi.gc without a finalizer")
	check.eq(newproxy() ~= newproxy(), true, "proxies without a metatable")
	check.eq(getmetatable(newproxy(false)), nil, "also when asked so")
end

-- Debian's LuaJIT died in this: the collector runs at exits of compiled code.
local function in_compiled_loops()
	local before = runs
	local sum = 0
	for round = 1, 100 do
		for i = 1, 2000 do
			local t = { i, i * 2, tostring(i) }
			sum = sum + t[2]
			if i % 40 == 0 then
				make(function()
					runs = runs + 1
					error {}
				end)
			end
		end
	end
	collectgarbage()
	check.eq(sum, 100 * 2000 * 2001, "the loop is right")
	check.eq(runs - before, 100 * 50, "all finalizers ran")
end

check.run(function()
	each_kind()
	kept_things()
	in_compiled_loops()
end)
