-- SPDX-License-Identifier: MIT
-- Needs `calltimeout = "50ms"` and `callreason = false` in the config.

local skynet = require "skynet"
local datacenter = require "skynet.datacenter"
local check = dofile(SERVICE_PATH .. "check.lua")

check.run(function()
	local begin = skynet.hpc()
	local peer = skynet.newservice("peer", "start_slow")
	check.ok(skynet.hpc() - begin >= 100e6, "a launch takes its time", skynet.hpc() - begin)
	begin = skynet.hpc()
	local _, text = pcall(skynet.call, peer, "lua", "HANG")
	check.eq(text, "call failed: timeout", "a call that hangs")
	check.ok(skynet.hpc() - begin >= 50e6, "not before its time", skynet.hpc() - begin)
	check.eq(skynet.calltimeout(1000, peer, "lua", "SLEEP", 10, "own"), "own", "a call with a deadline of its own")
	skynet.timeout(10, function()
		datacenter.set("key", "came")
	end)
	check.eq(datacenter.wait "key", "came", "waiting for something to happen takes its time, too")
	_, text = pcall(skynet.call, peer, "lua", "RAISE")
	check.eq(text, "call failed", "no reasons")
end)
