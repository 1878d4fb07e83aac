-- SPDX-License-Identifier: MIT
-- The order in which things happen.

local skynet = require "skynet"
local check = dofile(SERVICE_PATH .. "check.lua")

local function sends(peer)
	local wanted = {}
	for i = 1, 200 do
		skynet.send(peer, "lua", "ADD", i)
		wanted[i] = i .. " "
	end
	check.eq(skynet.call(peer, "lua", "SEEN", "list"), table.concat(wanted), "messages arrive in the order of the sends")
end

local function within_one_message()
	local list = {}
	local function note(text)
		return function()
			list[#list + 1] = text
		end
	end
	local token = {}
	skynet.fork(function()
		skynet.wait(token)
		note "woken" ()
	end)
	skynet.yield()
	skynet.timeout(0, note "timeout0")
	skynet.fork(note "fork1")
	skynet.fork(function()
		note "fork2" ()
		skynet.wakeup(token)
		skynet.fork(note "fork of fork2")
		note "end of fork2" ()
	end)
	skynet.fork(note "fork3")
	note "main" ()
	skynet.yield()
	note "main after yield" ()
	check.eq(table.concat(list, " | "), "main | fork1 | fork2 | end of fork2 | woken | fork3 | fork of fork2 | timeout0 | "
		.. "main after yield", "forks, wakeups, timeouts")
end

local function wakeups()
	local list = {}
	local tokens = {}
	for i = 1, 3 do
		tokens[i] = {}
		skynet.fork(function()
			skynet.wait(tokens[i])
			list[#list + 1] = i
		end)
	end
	skynet.yield()
	skynet.wakeup(tokens[2])
	skynet.wakeup(tokens[1])
	skynet.wakeup(tokens[3])
	skynet.wakeup(tokens[2])
	check.eq(#list, 0, "a wakeup does not switch")
	skynet.yield()
	check.eq(table.concat(list, " "), "2 1 3", "wakeups in FIFO order, each once")
end

local function reentrancy(peer)
	local depths = {}
	for i = 1, 3 do
		skynet.fork(function()
			depths[i] = skynet.call(peer, "lua", "DEPTH")
		end)
	end
	check.soon(function()
		return depths[1] and depths[2] and depths[3]
	end, "all are served")
	check.eq(table.concat(depths, " "), "1 2 3", "requests are served while others wait")
end

local function answers(peer)
	local list = {}
	for i, cs in ipairs { 60, 1, 20 } do
		skynet.fork(function()
			local answer = skynet.call(peer, "lua", "SLEEP", cs, i)
			list[#list + 1] = answer
		end)
	end
	check.soon(function()
		return #list == 3
	end, "all calls are answered")
	check.eq(table.concat(list, " "), "2 3 1", "every answer goes to its call")
end

local function errors_do_not_stop_others()
	local list = {}
	skynet.fork(function()
		error "this error in the log is intended"
	end)
	skynet.fork(function()
		list[1] = "ran"
	end)
	skynet.yield()
	check.eq(list[1], "ran", "a fork runs after one that failed")
end

check.run(function()
	local peer = skynet.newservice "peer"
	sends(peer)
	within_one_message()
	wakeups()
	reentrancy(peer)
	answers(peer)
	errors_do_not_stop_others()
end)
