-- SPDX-License-Identifier: MIT
-- What peers see when a service ends: nobody waits for ever.

local skynet = require "skynet"
require "skynet.manager"
local check = dofile(SERVICE_PATH .. "check.lua")

-- Run f(peer) in a task; the result is a table whose `text` is the outcome once there is one.
local function start_call(peer, ...)
	local outcome = {}
	skynet.fork(function(...)
		local ok, err = pcall(skynet.call, peer, "lua", ...)
		outcome.text = ok and "answered" or err
	end, ...)
	skynet.yield() -- the request is sent now ...
	skynet.call(peer, "lua", "ECHO") -- ... and dispatched now, for messages do not overtake
	return outcome
end

local function ends_by(name, stop)
	local peer = skynet.newservice "peer"
	local hanging = start_call(peer, "HANG")
	local kept = start_call(peer, "KEEP")
	local sleeping = start_call(peer, "SLEEP", 6000, 1)
	check.eq(hanging.text, nil, name .. ": the call waits before")
	stop(peer)
	check.soon(function()
		return hanging.text and kept.text and sleeping.text
	end, name .. ": nobody waits for ever")
	check.failed(hanging.text, name .. ": a suspended request fails")
	check.failed(kept.text, name .. ": a kept responder fails")
	check.failed(sleeping.text, name .. ": a sleeping request fails")
	check.soon(function()
		return skynet.send(peer, "lua", "ECHO") == nil
	end, name .. ": send gives nil")
	check.raises("call to invalid address", name .. ": the handle is dead", skynet.call, peer, "lua", "ECHO")
end

local function queued(name, stop)
	local peer = skynet.newservice "peer"
	local outcomes = {}
	stop(peer)
	for i = 1, 3 do
		outcomes[i] = { pcall(skynet.call, peer, "lua", "ECHO", i) }
	end
	for i = 1, 3 do
		local text = tostring(outcomes[i][2])
		check.ok(text:find "^call failed" or text:find "call to invalid address", name .. ": queued or late request " .. i, text)
	end
end

-- A calls B, B ends while A's call waits; and the other way round: the caller ends while its call
-- is served.
local function caller_dies(name, stop)
	local server = skynet.newservice "peer"
	local caller = skynet.newservice "peer"
	skynet.send(caller, "lua", "CALL", server, "RET_TO")
	check.soon(function()
		return skynet.call(server, "lua", "SEEN", "ret") == "begun"
	end, name .. ": the call is served")
	stop(caller)
	check.soon(function()
		return skynet.send(caller, "lua", "ECHO") == nil
	end, name .. ": the caller is gone")
	skynet.call(server, "lua", "RET_NOW")
	check.eq(skynet.call(server, "lua", "SEEN", "ret"), false, name .. ": ret to a dead caller")
	check.eq(skynet.call(server, "lua", "ECHO", 1), 1, name .. ": the server lives on")
end

-- The peer calls us and ends: our calls to it fail by ERROR with session 0 too.
local function mutual()
	local held, sent
	skynet.dispatch("lua", function(_, _, cmd)
		if cmd == "HOLD" then
			held = coroutine.running()
			skynet.wait()
			sent = skynet.retpack(1)
		end
	end)
	local peer = skynet.newservice "peer"
	skynet.send(peer, "lua", "CALL", skynet.self(), "HOLD")
	local waiting = start_call(peer, "HANG")
	check.soon(function()
		return held
	end, "mutual calls: theirs is served")
	skynet.send(peer, "lua", "EXIT")
	check.soon(function()
		return waiting.text and check.is_failure(waiting.text) and skynet.send(peer, "lua", "ECHO") == nil
	end, "mutual calls: ours fails")
	skynet.wakeup(held)
	skynet.yield()
	check.eq(sent, false, "mutual calls: our late answer is not wanted")
end

local function starts()
	check.raises("call failed", "an error in the main chunk", skynet.newservice, "peer", "chunk_error")
	check.raises("call failed", "an error in the start function", skynet.newservice, "peer", "start_error")
	check.raises("call failed", "no such service", skynet.newservice, "no_such_service")
	check.eq(skynet.newservice("peer", "start_exit"), nil, "exit in the start function gives nil")
	local outcome = {}
	skynet.fork(function()
		outcome.ok, outcome.err = pcall(skynet.newservice, "peer", "start_hang")
	end)
	local victim
	check.soon(function()
		for address, line in pairs(skynet.call(".launcher", "lua", "LIST")) do
			if line == "snlua peer start_hang" then
				victim = address
			end
		end
		return victim
	end, "the launcher lists a service that starts")
	skynet.call(victim, "lua", "ECHO")
	check.eq(outcome.ok, nil, "newservice waits for the start function")
	skynet.kill(victim)
	check.soon(function()
		return check.is_failure(outcome.err)
	end, "killed in the start function")
end

check.run(function()
	local function kill(peer)
		skynet.kill(peer)
	end
	local function exit(peer)
		skynet.send(peer, "lua", "EXIT")
	end
	local function debug_exit(peer)
		skynet.send(peer, "debug", "EXIT")
	end
	ends_by("kill", kill)
	ends_by("exit", exit)
	ends_by("debug exit", debug_exit)
	queued("kill", kill)
	queued("exit", exit)
	caller_dies("kill", kill)
	caller_dies("exit", exit)
	mutual()
	starts()
	check.raises("call failed", "a request that ends its own server", skynet.call, skynet.newservice "peer", "lua", "EXIT")
end)
