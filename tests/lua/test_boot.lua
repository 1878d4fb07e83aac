-- SPDX-License-Identifier: MIT
-- The boot services: handles, failures of the start service, and launches that die without a word.

return function(t)
	local world = t.run [[
		local skynet = require "skynet"
		skynet.start(function()
			print(skynet.self(), skynet.localname ".launcher", skynet.localname ".service", skynet.localname "SERVICE")
		end)
	]]
	t.eq(world.output[1], "8\t3\t7\t7", "the handles of the boot services")
	t.eq(world.services[2].alive, false, "bootstrap ends")
	t.has(world:log_text(), "[:00000002] KILL self", "by exit")
	t.hasnot(world:log_text(), "harbor", "one node needs no words")
	t.eq(#world.log, 6, "nothing else is logged")
	t.eq(world.told_ready, true, "the service manager is told when the start service is through")

	local function failing_start(name, text)
		local failed = t.mock.boot(t.root, text)
		failed.env.start = name
		failed:run(10)
		t.eq(failed.told_ready, nil, "and not when its start failed")
		return failed:log_text(), failed.exit_code
	end
	local log, code = failing_start("nothing")
	t.has(log, 'start service "nothing" failed: service nothing not found: cannot open ', "a start service that is not there")
	t.eq(code, 1, "ends the process with status 1")
	log, code = failing_start("main", "no Lua at all")
	t.has(log, 'start service "main" failed: ', "a start service with a syntax error")
	t.eq(code, 1, "the same")
	log, code = failing_start("main a b", [[
		local arg = ...
		require("skynet").start(function() error("argument " .. arg) end)
	]])
	t.has(log, 'start service "main a b" failed: main.lua:2: argument a\n', "one whose start function fails, with the reason")
	t.eq(code, 1, "the same")
	local _, count = log:gsub('start service "', "")
	t.eq(count, 1, "it is said once")

	for key, value in pairs { harbor = "1", address = "127.0.0.1:1", master = "m", standalone = "s" } do
		local other = t.mock.boot(t.root, "require('skynet').start(function() end)")
		other.env[key] = value
		other:run(1)
		t.has(other:log_text(), "harbor mode is not available: running as a single node (harbor, address, master and "
			.. "standalone are ignored)", "multi-node mode by " .. key)
	end
	local single = t.mock.boot(t.root, "require('skynet').start(function() end)")
	single.env.harbor = "0"
	single:run(1)
	t.hasnot(single:log_text(), "harbor mode", "harbor 0 is a single node")

	-- The runtime kills a service in its start function and tells nobody.
	world = t.run([[
		local skynet = require "skynet"
		local core = require "skynet.core"
		skynet.start(function()
			skynet.timeout(1, function() core.kill(9) end)
			print(pcall(skynet.newservice, "peer", "start_hang"))
			print(skynet.call(".launcher", "lua", "REASON", "snlua peer start_hang"))
			print(skynet.call(".launcher", "lua", "LIST")[":00000009"])
		end)
	]], 10)
	t.eq(table.concat(world.output, "|"), "false\tcall failed: it was killed while it started|it was killed while it started|nil",
		"a launch whose service vanishes fails")

	world = t.run([[
		local skynet = require "skynet"
		require "skynet.manager"
		skynet.start(function()
			print(skynet.call(".launcher", "lua", "NOTHING")[1])
			print(skynet.launch("nokind", "x"))
			print(pcall(skynet.call, ".launcher", "lua", "LAUNCH", "nokind", "x"))
			local slow = skynet.newservice "stuck"
			local stat = skynet.call(".launcher", "lua", "STAT", 10)
			print(stat[skynet.address(slow)], type(stat[skynet.address(skynet.self())]))
			local watch = skynet.monitor "watch"
			skynet.kill(slow)
			skynet.sleep(1)
			print(skynet.call(watch, "lua") == slow)
			print(skynet.call(".launcher", "lua", "LOGLAUNCH", "snlua", "peer") ~= nil)
			print(type(skynet.call(".launcher", "lua", "GC", 10)))
		end)
	]], 30, { stuck = [[
		local skynet = require "skynet"
		skynet.start(function() end)
		require("skynet.core").callback(function(ptype, msg, sz, session, source)
			if ptype ~= skynet.PTYPE_DEBUG then
				skynet.dispatch_message(ptype, msg, sz, session, source)
			end
		end)
	]], watch = [[
		local skynet = require "skynet"
		local last
		skynet.register_protocol {
			name = "client", id = skynet.PTYPE_CLIENT, unpack = function() end,
			dispatch = function(_, source) last = source end,
		}
		skynet.dispatch("lua", function() skynet.retpack(last) end)
		skynet.start(function() end)
	]] })
	t.eq(table.concat(world.output, "|"), "Unknown command|nil\tno such kind of service: nokind|false\tcall failed: no such kind of service: nokind|"
		.. "TIMEOUT\ttable|true|true|table", "the launcher's other commands")
end
