-- SPDX-License-Identifier: MIT
-- A service that reads what t_stm writes, and may never end when it is told to.

local skynet = require "skynet"
local stm = require "skynet.stm"
local sharemap = require "skynet.sharemap"

local reader, record
local command = {}

function command.take(copy)
	reader = stm.newcopy(copy)
	return reader(skynet.unpack)
end

function command.read()
	return reader(skynet.unpack)
end

function command.record(...)
	record = sharemap.reader(...)
	return record.x, record.s
end

function command.update()
	return record:update(), record.x, record.s, record.list and record.list[2]
end

-- Holds what it reads while it waits, and while it loops.
function command.hold(cs)
	return reader(function(msg, sz)
		skynet.sleep(cs)
		return skynet.unpack(msg, sz)
	end)
end

function command.loop()
	reader(function()
		skynet.ret()
		while true do end
	end)
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, name, ...)
		skynet.retpack(command[name](...))
	end)
end)
