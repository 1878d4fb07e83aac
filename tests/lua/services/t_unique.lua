-- SPDX-License-Identifier: MIT
-- Unique services.

local skynet = require "skynet"
require "skynet.manager"
local check = dofile(SERVICE_PATH .. "check.lua")

local function one_instance()
	local first = skynet.uniqueservice "peer"
	check.eq(skynet.uniqueservice "peer", first, "the second request gets the same")
	check.eq(skynet.queryservice "peer", first, "so does a query")
	local global = skynet.uniqueservice(true, "peer")
	check.ok(global ~= first and skynet.uniqueservice(true, "peer") == global, "the one of the whole network is another one")
	check.eq(skynet.queryservice(true, "peer"), global, "which such a query gives")
	check.ok(skynet.newservice "peer" ~= first, "newservice makes another one")
	local list = skynet.call(".service", "lua", "LIST")
	check.ok(list.peer == skynet.address(first) and list["@peer"] == skynet.address(global), "LIST")
	for _, name in ipairs { "uniqueservice", "queryservice" } do
		check.raises("the name of a service expected, got nil", name .. " of nothing", skynet[name])
	end
	return first
end

-- skynet gives the address of a dead instance for ever.
local function death(first)
	skynet.kill(first)
	check.soon(function()
		return skynet.send(first, "lua", "ECHO") == nil
	end, "an instance dies")
	local second = skynet.uniqueservice "peer"
	check.ok(second ~= first, "a dead instance is launched anew")
	check.eq(skynet.call(second, "lua", "ECHO", 1), 1, "and works")
end

-- skynet rethrows the first failure for ever.
local function failures()
	for i = 1, 2 do
		check.raises("call failed", "a launch that fails, time " .. i, skynet.uniqueservice, "no_such_service")
	end
	local outcomes = {}
	for i = 1, 3 do
		skynet.fork(function()
			outcomes[i] = tostring(select(2, pcall(skynet.uniqueservice, "no_other_service")))
		end)
	end
	check.soon(function()
		return outcomes[1] and outcomes[2] and outcomes[3]
	end, "nobody waits for ever")
	for i = 1, 3 do
		check.failed(outcomes[i], "everybody who waits is told, " .. i)
	end
end

-- unique_slow needs 0.1 s for its start.
local function concurrent()
	local handles = {}
	local queried
	skynet.fork(function()
		queried = skynet.queryservice "unique_slow"
	end)
	for i = 1, 5 do
		skynet.fork(function()
			handles[i] = skynet.uniqueservice "unique_slow"
		end)
	end
	check.soon(function()
		return #handles == 5 and queried
	end, "all are served")
	for i = 2, 5 do
		check.ok(handles[i] and handles[i] == handles[1], "concurrent requests get the same, " .. i, handles[i])
	end
	check.eq(queried, handles[1], "a query waits for the launch")
end

check.run(function()
	death(one_instance())
	failures()
	concurrent()
	check.raises("Invalid command", "an unknown command of the manager", function()
		assert(skynet.call(".service", "lua", "NOTHING"))
	end)
end)
