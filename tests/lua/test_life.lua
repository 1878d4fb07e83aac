-- SPDX-License-Identifier: MIT
-- skynet/life.lua: init functions, exit, and the stop functions.

local function stopped(t, text)
	local world = t.run(text, 1)
	world:terminate()
	world:run(5)
	return table.concat(world.output, " "), world:log_text(), world.services[8]
end

local function init_and_exit(t)
	t.eq(t.output [[
		local skynet = require "skynet"
		skynet.init(function()
			print "init 1"
			skynet.init(function() print "init 3" end)
			skynet.sleep(1)
		end)
		skynet.init(function() print "init 2" end)
		skynet.start(function()
			print "start"
			skynet.init(function() print "at once" end)
			print "end"
		end)
	]], "init 1 init 2 init 3 start at once end", "init functions run in order, before start")

	local world = t.run [[
		local skynet = require "skynet"
		skynet.init(function() error "the init fails" end)
		skynet.start(function() print "never" end)
	]]
	t.eq(#world.output, 0, "start does not run after a failed init function")
	t.has(world:log_text(), "[:00000008] init service failed: main.lua:2: the init fails\nstack traceback:", "it is logged")
	t.has(world:log_text(), "[:00000008] KILL self", "the service ends")

	world = t.run [[
		local skynet = require "skynet"
		skynet.start(function()
			skynet.fork(function() print "forked" end)
			skynet.timeout(0, function() print "timer" end)
			pcall(skynet.exit)
			print "returned"
		end)
	]]
	t.eq(#world.output, 0, "exit does not return, not even in pcall, and nothing runs after it")
	t.hasnot(world:log_text(), "lua call", "without errors")
	t.hasnot(world:log_text(), "failed", "a start service may end itself")
	t.eq(world.exit_code, nil, "that is no failure")
end

local function onstop(t)
	local output, log, service = stopped(t, [[
		local skynet = require "skynet"
		skynet.start(function()
			skynet.onstop(function() skynet.sleep(5) print "first" end)
			skynet.onstop(function() error "the second fails" end)
			skynet.onstop(function() print(skynet.call(skynet.newservice "peer", "lua", "ECHO", "third")) end)
		end)
	]])
	t.eq(output, "third first", "stop functions run in reverse order and may wait")
	t.has(log, "onstop function failed: main.lua:4: the second fails", "an error in one is logged")
	t.eq(service.stopping, true, "the runtime knows of them")
	t.eq(service.stopped, true, "and that they are through")

	output, log, service = stopped(t, [[
		local skynet = require "skynet"
		local core = require "skynet.core"
		skynet.start(function()
			core.redirect(skynet.self(), 1, skynet.PTYPE_SYSTEM, 0, "TERM")
		end)
	]])
	t.eq(service.stopped, nil, "a service without stop functions ignores the message")
	t.hasnot(log, "error", "silently")

	output = stopped(t, [[
		local skynet = require "skynet"
		local core = require "skynet.core"
		skynet.start(function()
			skynet.onstop(function() print "last" end)
			skynet.onstop(function()
				skynet.sleep(1)
				print "once"
			end)
			core.redirect(skynet.self(), 1, skynet.PTYPE_SYSTEM, 0, "TERM")
			core.redirect(skynet.self(), 1, skynet.PTYPE_SYSTEM, 0, "TERM")
		end)
	]])
	t.eq(output, "once last", "a second request to stop changes nothing")
end

local function last_words(t)
	t.eq(t.output [[
		local skynet = require "skynet"
		local own = { name = "system", id = skynet.PTYPE_SYSTEM, unpack = skynet.tostring }
		skynet.onstop(function() end)
		print(pcall(skynet.register_protocol, own))
		skynet.start(function() end)
	]]:match "^false", "false", "the system protocol is not replaced under stop functions")
	t.has(t.output [[
		local skynet = require "skynet"
		skynet.register_protocol { name = "system", id = skynet.PTYPE_SYSTEM, unpack = skynet.tostring }
		print(pcall(skynet.onstop, function() end))
		skynet.start(function() end)
	]], "needs the system protocol", "nor do stop functions come to a replaced one")

	t.eq(t.output [[
		local skynet = require "skynet"
		local peer
		skynet.dispatch("lua", function() skynet.wait() end)
		skynet.dispatch("error", function(session, source) print(session, source == peer) end)
		skynet.start(function()
			peer = skynet.newservice "peer"
			skynet.send(peer, "lua", "CALL", skynet.self())
			skynet.sleep(1)
			skynet.send(peer, "lua", "EXIT")
		end)
	]], "0\ttrue", "who ends tells the services that it waits for, once, by ERROR with session 0")

	-- The runtime would answer for a dead service too; exit must not leave it to that.
	t.eq(t.output [[
		local core = require "skynet.core"
		local send, ending = core.send, false
		core.send = function(dest, ptype, session, ...)
			if ptype == 7 and session ~= 0 and not ending then
				print "error"
			elseif ptype ~= 7 and ending then
				print "message"
			end
			return send(dest, ptype, session, ...)
		end
		local exit = core.exit
		core.exit = function()
			ending = true
			exit()
		end
		local skynet = require "skynet"
		local kept
		skynet.dispatch("lua", function(_, _, what)
			if what == "keep" then
				kept = skynet.response()
			elseif what == "exit" then
				skynet.exit()
			end
			skynet.wait()
		end)
		skynet.start(function()
			for _, what in ipairs { "keep", "wait", "exit" } do
				skynet.fork(skynet.call, skynet.self(), "lua", what)
			end
		end)
	]], "error error error", "exit fails the requests it serves, and those kept, before it is dead")

	t.has(t.run [[require("skynet").exit()]]:log_text(), "ended itself in its main chunk", "exit in the main chunk")
end

return function(t)
	init_and_exit(t)
	onstop(t)
	last_words(t)
end
