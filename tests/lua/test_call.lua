-- SPDX-License-Identifier: MIT
-- skynet/call.lua: results and failures that need a runtime that misbehaves on demand.

local function options(t)
	-- The option `calltimeout`: every call, but none of those that wait for something to happen.
	local world = t.mock.world(t.root)
	world.sources.main = [[
		local skynet = require "skynet"
		local datacenter = require "skynet.datacenter"
		skynet.start(function()
			local peer = skynet.newservice("peer", "start_slow")
			print(pcall(skynet.call, peer, "lua", "SLEEP", 100))
			print(pcall(skynet.rawcall, peer, "lua", skynet.pack("SLEEP", 100)))
			print(skynet.call(peer, "lua", "SLEEP", 4, "in time"))
			print(skynet.calltimeout(200, peer, "lua", "SLEEP", 100, "with its own"))
			skynet.timeout(100, function() datacenter.set("key", "came") end)
			print(datacenter.wait "key")
		end)
	]]
	world.patterns, world.next_handle, world.calltimeout = t.root .. "/tests/lua/services/?.lua", 2, 5
	world:launch "snlua bootstrap"
	world:run(10)
	t.eq(table.concat(world.output, "|"), "false\tcall failed: timeout|false\tcall failed: timeout|in time|with its own|came",
		"a default deadline")
	t.hasnot(world:log_text(), "Unknown session", "late answers are expected")

	world = t.mock.world(t.root)
	world.sources.main = [[
		local skynet = require "skynet"
		skynet.start(function()
			print(pcall(skynet.call, skynet.newservice "peer", "lua", "RAISE"))
		end)
	]]
	world.patterns, world.next_handle, world.env.callreason = t.root .. "/tests/lua/services/?.lua", 2, "false"
	world:launch "snlua bootstrap"
	world:run(10)
	t.eq(world.output[1], "false\tcall failed", "callreason = false: skynet's text and no more")
end

return function(t)
	t.eq(t.output [[
		local skynet = require "skynet"
		skynet.register_protocol { name = "text", id = 0, pack = function(s) return s end, unpack = skynet.tostring }
		skynet.start(function()
			local big = ("x"):rep(2e6)
			print(skynet.send(skynet.self(), "text", big))
			print(pcall(skynet.call, skynet.self(), "text", big))
			print(skynet.send(skynet.self(), "text", ""))
			print(skynet.task())
		end)
	]], "false false\tcall failed 0 0", "a message that is too large")

	t.eq(t.output([[
		local skynet = require "skynet"
		skynet.start(function()
			local peer = skynet.newservice "peer"
			local outcome = {}
			for i = 1, 2 do
				skynet.fork(function()
					outcome[i] = select(2, pcall(skynet.call, i == 1 and peer or skynet.address(peer), "lua", "HANG"))
				end)
			end
			skynet.sleep(1)
			skynet.term(peer)
			skynet.yield()
			print(outcome[1], outcome[2])
			print(skynet.task())
		end)
	]], 1), "call failed\tcall failed 0", "term fails the calls to a service, whatever address they used")

	-- ERROR with session 0 reaches calls by handle, :hex and name, in the order in which they
	-- were made.
	t.eq(t.output([[
		local skynet = require "skynet"
		local core = require "skynet.core"
		skynet.start(function()
			local peer = skynet.newservice "peer"
			core.register(".p", peer)
			local list = {}
			for i, addr in ipairs { ".p", peer, skynet.address(peer) } do
				skynet.fork(function()
					pcall(skynet.call, addr, "lua", "HANG")
					table.insert(list, i)
				end)
			end
			skynet.sleep(1)
			core.redirect(skynet.self(), peer, skynet.PTYPE_ERROR, 0, "")
			skynet.sleep(1)
			print(table.concat(list, " "))
			core.redirect(skynet.self(), peer, skynet.PTYPE_ERROR, 4711, "")
			skynet.sleep(1)
		end)
	]], 5), "1 2 3", "a peer's end by ERROR with session 0")

	local world = t.run([[
		local skynet = require "skynet"
		local core = require "skynet.core"
		skynet.start(function()
			core.redirect(skynet.self(), 9, skynet.PTYPE_RESPONSE, 4711, "stray")
			core.redirect(skynet.self(), 9, skynet.PTYPE_RESPONSE, 4712, nil)
			core.redirect(skynet.self(), 9, 77, 0, "hi")
			core.redirect(skynet.self(), 9, skynet.PTYPE_LUA, 0, "ho")
			core.redirect(skynet.self(), 9, skynet.PTYPE_TRACE, 0, "tag")
			core.redirect(skynet.self(), 9, skynet.PTYPE_ERROR, 4711, "")
			skynet.sleep(1)
			print(skynet.dispatch_unknown_request(function(session, source, msg, sz, prototype)
				print(session, source, skynet.tostring(msg, sz), prototype)
			end) ~= nil)
			skynet.dispatch_unknown_response(function(session, source)
				print(session, source)
			end)
			core.redirect(skynet.self(), 9, 77, 0, "hi")
			core.redirect(skynet.self(), 9, skynet.PTYPE_RESPONSE, 4711, "stray")
		end)
	]])
	local log = world:log_text()
	t.has(log, "] Response message : stray", "an unknown answer is logged")
	t.has(log, "error : Unknown session : 4711 from 9", "and raised")
	t.has(log, "error : Unknown session : 4712 from 9", "also one without anything in it")
	t.has(log, "] Unknown request (77): hi", "an unknown request is logged")
	t.has(log, "] Unknown request (lua): ho", "so is one without handler")
	t.has(log, "error : Unknown session : 0 from 9", "and raised")
	t.hasnot(log, "tag", "a trace message is ignored")
	local _, count = log:gsub("4711 from", "")
	t.eq(count, 1, "an error that nobody waits for is ignored")
	t.eq(table.concat(world.output, " "), "true 0\t9\thi\t77 4711\t9", "handlers for unknown messages")

	options(t)
end
