-- SPDX-License-Identifier: MIT
-- The debug protocol, modules that may wait while they load, and those that do not exist.

local skynet = require "skynet"
local pool = require "skynet.pool"
local check = dofile(SERVICE_PATH .. "check.lua")

local hidden = { value = 1 }

local function ask(...)
	return skynet.call(skynet.self(), "debug", ...)
end

local function commands()
	check.eq(ask "PING", nil, "PING")
	check.eq(ask("SUPPORT", "lua"), true, "SUPPORT of a protocol with a handler")
	check.eq(ask("SUPPORT", "nothing"), false, "and of one without")
	check.eq(type(next(ask "UNIQTASK")), "string", "UNIQTASK")
	local co = skynet.timeout(1000, print)
	check.eq(ask("KILLTASK", tostring(co)), nil, "KILLTASK")
	check.eq(ask("KILLTASK", tostring(co)), "Not found", "of a task that is gone")
	ask("TRACELOG", true)
	check.eq(skynet._proto.lua.trace, true, "TRACELOG")
	ask("TRACELOG", "lua", false)
	check.eq(skynet._proto.lua.trace, false, "and off")
	check.raises("Invalid debug command", "a command that does not exist", ask, "NOTHING")
end

local function figures()
	check.eq(type(ask "MEM"), "number", "MEM: KB of Lua memory")
	local stat = ask "STAT"
	check.ok(stat.mqlen == 0 and stat.task >= 1 and stat.cpu >= 0 and stat.message > 0, "STAT: mqlen, task, cpu, message")
	local waiting = skynet.fork(skynet.wait)
	skynet.yield()
	local session = skynet.task(waiting)
	local stack = ask "TASK"[string.format("%s session: %d", tostring(waiting), session)]
	check.ok(stack and stack:find "^stack traceback:", "TASK: a task and its traceback", stack)
	check.eq(ask("TASK", session), stack, "TASK of one session")
	skynet.killthread(waiting)
	check.eq(ask("TASK", 123456789), "No session", "of none")
	for head, trace in pairs(ask "UNIQTASK") do
		check.ok(head:find "^%d+\tsessions:%[[%d,]+%]\n$" and trace:find "^stack traceback:",
			"UNIQTASK: how many, who, where", head)
	end
	check.eq(ask("INFO", 1), nil, "INFO without a function")
	skynet.info_func(function(...)
		return { n = select("#", ...) }
	end)
	check.eq(ask("INFO", 1, 2).n, 2, "INFO asks the function")
end

local function own_commands()
	local debug_api = require "skynet.debug"
	debug_api.reg_debugcmd("OWN", function(...)
		skynet.retpack("own", ...)
	end)
	check.eq(select(3, ask("OWN", 1, 2)), 2, "a debug command of one's own")
	debug_api.reg_debugcmd("OWN", function()
		skynet.retpack "newer"
	end)
	check.eq(ask "OWN", "newer", "registered once more, as after a hotfix, the newer one counts")
	debug_api.reg_debugcmd("MEM", skynet.ret)
	check.eq(type(ask "MEM"), "number", "those of every service are not replaced")
end

-- TERM: treat a service as dead. LINK: learn of an end.
local function ends()
	local peer = skynet.newservice "peer"
	local function begin(...)
		local outcome = {}
		skynet.fork(function(...)
			outcome.ok, outcome.text = pcall(skynet.call, peer, ...)
		end, ...)
		skynet.yield()
		skynet.call(peer, "debug", "PING")
		return outcome
	end
	local hanging = begin("lua", "HANG")
	check.eq(hanging.ok, nil, "a call waits")
	check.eq(ask("TERM", peer), nil, "TERM")
	check.soon(function()
		return hanging.text == "call failed"
	end, "makes it fail")
	check.eq(skynet.call(peer, "lua", "ECHO", 1), 1, "the peer lives on")
	local linked = begin("debug", "LINK")
	check.eq(linked.ok, nil, "LINK waits")
	skynet.send(peer, "debug", "EXIT")
	check.soon(function()
		return linked.ok == false
	end, "LINK fails when the service ends by EXIT")
	check.failed(linked.text, "as a call does")
end

local function injection()
	local code = [[
		local args = { ... }
		print("args", args[1], args[2])
		_P.lua.hidden.value = 2
		print(type(_U.registry), SERVICE_NAME)
	]]
	local ok, output = ask("RUN", code, "code.lua", "x", 7)
	check.ok(ok, "RUN", output)
	check.eq(output, "args\tx\t7\ntable\t" .. SERVICE_NAME, "what it prints")
	check.eq(hidden.value, 2, "upvalues of the handler are in reach")
	ok, output = ask("RUN", "error 'boom'", "code.lua")
	check.ok(not ok and output:find "^code.lua:1: boom\nstack traceback:", "an error in it", output)
	ok, output = ask("RUN", "this is no Lua", "code.lua")
	check.ok(not ok and output:find "code.lua:1:", "a syntax error", output)
end

-- n tasks at the same time, to their end.
local function peak_of(n)
	local left = n
	for _ = 1, n do
		skynet.fork(function()
			skynet.sleep(1)
			left = left - 1
		end)
	end
	while left > 0 do
		skynet.sleep(1)
	end
end

-- In skynet the pool is a weak table: a full collection empties it, just when there is the most to
-- do; and call(addr, "debug", "GC") hangs, for it is never answered.
local function pool_and_gc()
	peak_of(200)
	collectgarbage()
	collectgarbage()
	local idle, created = pool.figures()
	check.ok(idle >= 199, "a full collection leaves the pool as it is", idle)
	peak_of(200)
	check.eq(select(2, pool.figures()), created, "so the same load creates no coroutine")
	check.eq(type(ask "GC"), "number", "GC is answered with the memory after")
	check.ok(pool.figures() < 5, "and has emptied the pool", pool.figures())
end

local function trimming()
	peak_of(900)
	local peak = pool.figures()
	check.ok(peak >= 899, "a peak fills the pool", peak)
	for _ = 1, 2000 do
		skynet.fork(skynet.yield)
		skynet.yield()
	end
	check.eq(pool.figures() > peak / 2, true, "it is not emptied at once")
	for _ = 1, 40000 do
		skynet.fork(skynet.yield)
		skynet.yield()
	end
	check.ok(pool.figures() < 100, "light load lets it shrink", pool.figures())
end

-- All that skynet has and equilune has not, by the names that services require.
local MISSING = [[bson client.socket http.httpc http.httpd http.internal http.sockethelper http.tlshelper http.url
	http.websocket ltls.c ltls.init.c skynet.cluster skynet.cluster.core skynet.datasheet.dump skynet.db.mongo
	skynet.db.mysql skynet.db.redis skynet.db.redis.cluster skynet.db.redis.crc16 skynet.dns skynet.memory
	skynet.mongo.driver skynet.multicast.core skynet.socket skynet.socketchannel skynet.socketdriver snax.gateserver
	snax.loginserver snax.msgserver]]
local OLD = "datacenter mqueue multicast profile" -- the others need modules in C: t_modules.lua
local OLD_MISSING = "cluster dns memory mongo mysql redis socket socketchannel socketdriver"

local function is_missing(name)
	check.raises("module '" .. name .. "' is not available in equilune yet: see 'Porting a skynet service' in README.md",
		"what skynet has and equilune has not: " .. name, require, name)
end

local function missing()
	for name in MISSING:gmatch "%S+" do
		is_missing(name)
	end
	check.raises("module 'no_such_module' not found", "another one", require, "no_such_module")
	check.raises("module 'datacenter' not found", "skynet's old names", require, "datacenter")
	check.raises("module 'redis' not found", "also of what is not there", require, "redis")
	local path = package.path
	package.path = path .. ";./lualib/compat10/?.lua"
	for name in OLD:gmatch "%S+" do
		check.eq(require(name), require("skynet." .. name), "lua_path asks for old names: " .. name)
	end
	for name in OLD_MISSING:gmatch "%S+" do
		is_missing(name)
	end
	package.path = path
end

local function module_inits()
	local list = {}
	package.loaders[#package.loaders + 1] = function(name)
		if name == "waits" then
			return function()
				skynet.init(function()
					list[#list + 1] = "init"
					skynet.sleep(1)
				end)
				skynet.sleep(1)
				list[#list + 1] = "body"
				return "a module"
			end
		end
	end
	-- The searcher before ours raises for skynet's names only.
	check.eq(require "waits", "a module", "the global require may wait")
	check.eq(table.concat(list, " "), "body init", "init functions run after the body")
end

local function memory_limit()
	skynet.memlimit(512 * 1024 * 1024)
	check.eq(skynet.memlimit, nil, "memlimit can be said once")
end

skynet.dispatch("lua", function()
	skynet.retpack(hidden.value)
end)

check.run(function()
	commands()
	figures()
	own_commands()
	ends()
	injection()
	pool_and_gc()
	trimming()
	missing()
	module_inits()
	memory_limit()
end)
