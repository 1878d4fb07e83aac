-- SPDX-License-Identifier: MIT
-- A service that reads shared data for t_sharedata, and never ends when it is told to.

local skynet = require "skynet"
local sharedata = require "skynet.sharedata"
local core = require "skynet.sharedata.core"

local held
local command = {}

function command.hold(name)
	held = sharedata.query(name)
	return held.version, held.list[2]
end

function command.read()
	return held.version
end

-- Two branches, of which the first is changed by t_sharedata and the second is not.
local first, second

function command.keep(name)
	held = sharedata.query(name)
	first, second = held.rows[50].values, held.rows[51].values
	return first[1], second[1]
end

function command.kept()
	return tostring(not first[3]) .. " " .. tostring(second[1] == 51 and held.rows[51].values == second)
end

function command.is_newest()
	return core.is_newest(held)
end

-- What one message reads is of one state, however long it takes and whatever others publish meanwhile.
function command.torn(count)
	for _ = 1, count do
		if held.version ~= held.deep.version or held.version ~= #held.list then
			return held.version, held.deep.version, #held.list
		end
	end
	return false
end

function command.loop()
	skynet.ret()
	while true do
		local _ = held.version
	end
end

-- It cannot be closed in good order: its finalizer never ends.
function command.loop_at_the_end()
	local proxy = newproxy(true)
	getmetatable(proxy).__gc = function()
		while true do
			local _ = held.version
		end
	end
	held_for_ever = proxy
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, name, ...)
		if name == "loop" then
			command.loop()
		end
		skynet.ret(skynet.pack(command[name](...)))
	end)
end)
