-- SPDX-License-Identifier: MIT
-- Names, the launcher's list, monitors, the debug protocol, and the environment.

local skynet = require "skynet"
require "skynet.manager"
local sched = require "skynet.sched"
local check = dofile(SERVICE_PATH .. "check.lua")

local function names(peer)
	skynet.register ".me"
	check.eq(skynet.localname ".me", skynet.self(), "register")
	skynet.name(".me", peer)
	check.eq(skynet.localname ".me", skynet.self(), "the first owner keeps a name")
	skynet.name("GLOBAL", peer)
	check.eq(skynet.call("GLOBAL", "lua", "ECHO", 3), 3, "a global name")
	check.raises("assertion failed!", "a global name that is too long", skynet.register, "ABCDEFGHIJKLMNOP")
	check.raises("assertion failed!", "a numeric global name", skynet.register, "123")
end

local function launcher()
	local peer = skynet.newservice("peer", "a", "b")
	local list = skynet.call(".launcher", "lua", "LIST")
	check.eq(list[skynet.address(peer)], "snlua peer a b", "LIST")
	local stat = skynet.call(".launcher", "lua", "STAT")[skynet.address(peer)]
	check.ok(type(stat) == "table" and stat.task == 0, "STAT", stat)
	local mem = skynet.call(".launcher", "lua", "MEM")[skynet.address(peer)]
	check.ok(tostring(mem):find("Kb (snlua peer a b)", 1, true), "MEM", mem)
	local killed = skynet.call(".launcher", "lua", "KILL", skynet.address(peer))
	check.eq(killed[skynet.address(peer)], "snlua peer a b", "KILL says what it killed")
	check.soon(function()
		return skynet.send(peer, "lua", "ECHO") == nil
	end, "KILL")
	check.eq(skynet.call(".launcher", "lua", "LIST")[skynet.address(peer)], nil, "a dead service is not listed")
end

local function monitors()
	local dead = {}
	skynet.register_protocol {
		name = "client",
		id = skynet.PTYPE_CLIENT,
		unpack = function() end,
		dispatch = function(session, source)
			dead[source] = session
		end,
	}
	skynet.call(".launcher", "lua", "MONITOR", skynet.self())
	local killed, ended = skynet.newservice "peer", skynet.newservice "peer"
	skynet.kill(killed)
	skynet.send(ended, "lua", "EXIT")
	check.soon(function()
		return dead[killed] == 0
	end, "a monitor hears of a kill")
	check.soon(function()
		return dead[ended] == 0
	end, "a monitor hears of an exit")
end

local function debug_protocol(peer)
	check.eq(skynet.call(peer, "debug", "PING"), nil, "PING")
	check.ok(skynet.call(peer, "debug", "MEM") > 1, "MEM of one service")
	check.ok(skynet.call(peer, "debug", "GC") > 1, "GC of one service")
	check.eq(type(skynet.call(peer, "debug", "TASK")), "table", "TASK")
	check.eq(skynet.call(peer, "debug", "INFO"), nil, "INFO without a function")
	skynet.info_func(function(...)
		return "info", ...
	end)
	check.eq(select(2, skynet.call(skynet.self(), "debug", "INFO", 5)), 5, "INFO")
	check.raises("call failed", "an unknown debug command", skynet.call, peer, "debug", "NOTHING")
	local linked
	skynet.fork(function()
		linked = pcall(skynet.call, peer, "debug", "LINK")
	end)
	skynet.yield()
	skynet.call(peer, "debug", "PING")
	check.eq(linked, nil, "LINK waits")
	skynet.kill(peer)
	check.soon(function()
		return linked == false
	end, "LINK fails with the service")
end

local function environment()
	skynet.setenv("t_manager_key", 5)
	check.eq(skynet.getenv "t_manager_key", "5", "setenv and getenv")
	check.raises("Can't setenv exist key : t_manager_key", "setenv twice", skynet.setenv, "t_manager_key", 6)
	check.eq(skynet.getenv "t_manager_none", nil, "getenv of nothing")
	check.eq(SERVICE_NAME, "t_manager", "SERVICE_NAME")
	check.ok(SERVICE_PATH:sub(-1) == "/", "SERVICE_PATH", SERVICE_PATH)
	check.eq(LUA_PATH, nil, "the helper globals are gone")
	check.eq(table.pack(1, nil).n, 2, "table.pack")
	check.eq(select("#", table.unpack({}, 1, 3)), 3, "table.unpack")
	check.eq(rawlen { 1, 2 }, 2, "rawlen")
	check.eq(_ENV, _G, "_ENV")
end

local function protocols()
	check.raises("assertion failed!", "a protocol name in use", skynet.register_protocol, { name = "lua", id = 77 })
	check.raises("assertion failed!", "a protocol number in use", skynet.register_protocol, { name = "l", id = 10 })
	check.raises("assertion failed!", "a protocol number out of range", skynet.register_protocol, { name = "l", id = 256 })
	check.eq(skynet.dispatch "nothing", nil, "the handler of no protocol")
	check.ok(not pcall(skynet.dispatch, "nothing", print), "a handler for no protocol raises")
	local function f() end
	local old = skynet.dispatch("lua", f)
	check.eq(skynet.dispatch("lua", old), f, "dispatch gives the previous handler")
end

check.run(function()
	local peer = skynet.newservice "peer"
	names(peer)
	launcher()
	monitors()
	environment()
	protocols()
	check.ok(sched.get(peer), "sched.get by handle")
	check.ok(sched.get ".launcher", "sched.get by name")
	check.eq(sched.get ".nobody", nil, "sched.get of nobody")
	check.ok(#sched.list() >= 4, "sched.list", #sched.list())
	debug_protocol(peer)
	check.eq(skynet.mqlen(), 0, "mqlen")
	check.ok(skynet.stat "message" > 0, "stat")
	check.eq(skynet.endless(), false, "endless")
end)
