-- SPDX-License-Identifier: MIT
-- skynet/serve.lua: the log lines, and the modes of the callback.

local function one_answer_each(t)
	local world = t.run [[
		local skynet = require "skynet"
		skynet.dispatch("lua", function(session, source, what)
			if what == "forget" then
				return
			elseif what == "large" then
				print(skynet.ret(("x"):rep(2e6)))
			elseif what == "twice" then
				skynet.ret()
				skynet.ret()
			elseif what == "context" then
				skynet.retpack()
				local s, a = skynet.context()
				print(s, a == skynet.self())
			elseif what == "send" then
				print(skynet.retpack(1), skynet.context())
			elseif what == "fork" then
				skynet.fork(function() print(pcall(skynet.ret)) end)
				skynet.ignoreret()
				skynet.ignoreret()
			end
		end)
		skynet.start(function()
			local me = skynet.self()
			for _, what in ipairs { "forget", "large", "twice", "context" } do
				print(what, pcall(skynet.call, me, "lua", what))
			end
			skynet.send(me, "lua", "send")
			skynet.send(me, "lua", "forget")
			skynet.send(me, "lua", "fork")
		end)
	]]
	local log = world:log_text()
	t.has(log, "Maybe forgot response session ", "a forgotten answer is logged")
	t.has(log, " from :00000008 : @main.lua:2\n", "with the place of the handler")
	local _, count = log:gsub("Maybe forgot", "")
	t.eq(count, 1, "but not for sends")
	t.has(log, "No session", "a second ret")
	local output = table.concat(world.output, " ")
	t.has(output, "forget\tfalse\tcall failed", "the caller of a forgotten request fails")
	t.has(output, "false large\tfalse\tcall failed", "an answer that is too large: ret gives false, the caller fails")
	t.has(output, "twice\ttrue", "the first ret counts")
	t.has(output, "nil\ttrue context\ttrue", "after the answer the context has no session")
	t.has(output, "false\tnil\t8", "ret to a send gives false")
	t.has(output, "No session", "a fork serves no request")
end

local function modes(t)
	t.eq(t.output([[
		local skynet = require "skynet"
		require "skynet.manager"
		skynet.register_protocol { name = "text", id = 0, pack = function(s) return s end, unpack = skynet.tostring }
		skynet.start(function()
			local echo = skynet.newservice "peer"
			local agent = skynet.newservice("forwarder", echo)
			print(skynet.call(agent, "lua", "ECHO", "through"))
			print(skynet.call(agent, "text", "direct"))
		end)
	]], 5, { forwarder = [[
		local skynet = require "skynet"
		require "skynet.manager"
		local target = tonumber((...))
		skynet.register_protocol { name = "text", id = 0, pack = function(s) return s end, unpack = skynet.tostring }
		skynet.dispatch("text", function(_, _, text) skynet.ret(text .. " answer") end)
		skynet.register_protocol {
			name = "system",
			id = skynet.PTYPE_SYSTEM,
			unpack = function(...) return ... end,
			dispatch = function(session, source, msg, sz)
				skynet.ignoreret()
				skynet.redirect(target, source, "lua", session, msg, sz)
			end,
		}
		skynet.forward_type({ [skynet.PTYPE_LUA] = skynet.PTYPE_SYSTEM }, function() end)
	]] }), "through direct answer", "forward_type, with a system protocol of one's own")

	t.eq(t.output([[
		local skynet = require "skynet"
		skynet.start(function()
			print(skynet.call(skynet.newservice "filtering", "lua", 1))
		end)
	]], 5, { filtering = [[
		local skynet = require "skynet"
		require "skynet.manager"
		local seen = 0
		skynet.dispatch("lua", function(_, _, x) skynet.retpack(x, seen > 0) end)
		skynet.filter(function(ptype, ...)
			seen = seen + 1
			return ptype, ...
		end, function() end)
	]] }), "1\ttrue", "filter")

	t.eq(t.output([[
		local skynet = require "skynet"
		local core = require "skynet.core"
		local kept
		skynet.dispatch("lua", function() kept = skynet.response() end)
		skynet.start(function()
			local peer = skynet.newservice "peer"
			skynet.send(peer, "lua", "CALL", skynet.self())
			skynet.sleep(1)
			print(kept "TEST")
			core.redirect(skynet.self(), peer, skynet.PTYPE_ERROR, 0, "")
			skynet.sleep(1)
			print(kept "TEST", kept(true))
		end)
	]], 5), "true false\tfalse", "a caller that says that it ends does not wait any more")

	t.eq(t.output([[
		local skynet = require "skynet"
		require "skynet.manager"
		skynet.start(function()
			local server = skynet.newservice "ignoring"
			local outcome
			skynet.fork(function() outcome = pcall(skynet.call, server, "lua") end)
			skynet.sleep(1)
			skynet.kill(server)
			skynet.sleep(1)
			print(outcome)
		end)
	]], 5, { ignoring = [[
		local skynet = require "skynet"
		skynet.dispatch("lua", function() skynet.ignoreret() end)
		skynet.start(function() end)
	]] }), "nil", "the runtime does not answer what was ignored on purpose")

	-- A responder that is dropped in a service without traffic: the collector alone tells the
end

local function dropped_responder(t)
	local world = t.run [[
		local skynet = require "skynet"
		skynet.dispatch("lua", function() skynet.response() end)
		skynet.start(function()
			skynet.fork(function() print(pcall(skynet.call, skynet.self(), "lua")) end)
			skynet.sleep(1)
			print "before"
			collectgarbage()
			collectgarbage()
			skynet.sleep(1)
		end)
	]]
	t.eq(table.concat(world.output, " "), "before false\tcall failed: no answer", "a dropped responder fails its request")
	t.hasnot(world:log_text(), "Maybe forgot", "without a log line of a forgotten answer")
end

return function(t)
	one_answer_each(t)
	modes(t)
	dropped_responder(t)
end
