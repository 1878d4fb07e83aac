-- SPDX-License-Identifier: MIT
-- Every function of our modules in C with arguments of every kind, in any order: what it gives is handed to the others, what
-- raises raises. There is nothing to compare; the process is still there, and the sanitizers have said nothing.

local skynet = require "skynet"
local core = require "skynet.core"
local check = dofile(SERVICE_PATH .. "check.lua")

local CALLS = 6000
local POOL_MAX = 60
local random = math.random

-- Those of the core that only look, or make something of values.
local LOOKS = { "genid", "self", "query", "getenv", "now", "hpc", "packstring", "unpack", "unpack_counted", "tostring", "cancel", "forget",
	"withdraw", "log_mark", "stat", "services", "service", "alive", "sched", "raised", "calltimeout", "deadlock", "blocking" }

local function functions()
	local modules = { utf8 = utf8, string = { pack = string.pack, unpack = string.unpack, packsize = string.packsize } }
	for _, name in ipairs { "skynet.netpack", "sproto.core", "skynet.crypt", "md5", "skynet.debugchannel", "skynet.stm.core",
		"skynet.sharedata.core", "skynet.codecache" } do
		modules[name] = require(name)
	end
	modules.core = {}
	for _, name in ipairs(LOOKS) do
		modules.core[name] = core[name]
	end
	local list = {}
	for module, members in pairs(modules) do
		for name, f in pairs(members) do
			if type(f) == "function" then
				list[#list + 1] = { name = module .. "." .. name, f = f }
			end
		end
	end
	table.sort(list, function(a, b)
		return a.name < b.name
	end)
	return list
end

local function fail()
	error "on purpose"
end

local SCALARS = { true, 0 / 0, 1e300, -1e300, -1, 0, -0.5, 2 ^ 31, 2 ^ 53, 2 ^ 63, -2 ^ 63, 2 ^ 64, "", "a\0b", "12345678", 1LL,
	"<i16", "!8d", "s4", "z", "c10", "Xi4", io.stdout, print, coroutine.create(print) }

local function fresh()
	local kind = random(10)
	if kind == 1 then
		return random(300)
	elseif kind == 2 then
		return ("x"):rep(random(300))
	elseif kind == 3 then
		return string.char(random(0, 255), random(0, 255), random(0, 255), random(0, 255)):rep(random(40))
	elseif kind == 4 then
		return { 1, { 2 }, x = "y" }
	elseif kind == 5 then
		return setmetatable({}, { __index = fail, __pairs = fail, __tostring = fail, __len = fail })
	elseif kind == 6 then
		return newproxy(true)
	end
	return SCALARS[random(#SCALARS + 1)] -- the last is nil
end

local pool = {}

local function some()
	return #pool > 0 and random(3) == 1 and pool[random(#pool)] or fresh()
end

-- Addresses are believed, as in skynet; numbers of stores and channels are not.
local function is_address(value)
	return type(value) == "userdata" and debug.getmetatable(value) == nil
end

local function may_have_addresses(name)
	return name == "skynet.stm.core.newcopy" or name == "skynet.debugchannel.connect"
end

local function keep(name, ok, ...)
	for i = 1, ok and select("#", ...) or 0 do
		local value = select(i, ...)
		local offer = name == "skynet.stm.core.copy" or name == "skynet.debugchannel.create"
		if name == "skynet.netpack.pack" and i == 1 then
			core.trash(...)
		elseif type(value) == "userdata" and (offer or not is_address(value)) or type(value) == "string" and #value < 1000 then
			pool[#pool + 1] = value
		end
	end
	while #pool > POOL_MAX do
		table.remove(pool, random(#pool))
	end
end

-- As an object: its metamethods and methods.
local function use(object)
	pcall(function()
		return object[some()]
	end)
	pcall(function()
		object[some()] = some()
	end)
	pcall(function()
		return #object, object < object, tostring(object)
	end)
	pcall(function()
		for _ in pairs(object) do -- luacheck: ignore
		end
	end)
	pcall(function()
		object:read(0)
		object:write(some())
	end)
end

local function call(entry)
	local arguments, count = {}, random(0, 5)
	for i = 1, count do
		local value = some()
		if not is_address(value) or may_have_addresses(entry.name) then
			arguments[i] = value
		end
	end
	keep(entry.name, pcall(entry.f, unpack(arguments, 1, count)))
end

check.run(function()
	math.randomseed(7)
	local list = functions()
	for i = 1, CALLS do
		call(list[random(#list)])
		local object = pool[random(#pool + 1)]
		if type(object) == "userdata" and not is_address(object) then
			use(object)
		end
		if i % 500 == 0 then
			collectgarbage()
		end
	end
	pool = {}
	collectgarbage()
	check.ok(#list > 80, "functions that were called", #list)
end)
