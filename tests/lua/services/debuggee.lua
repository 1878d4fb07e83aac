-- SPDX-License-Identifier: MIT
-- A service to be debugged by t_remotedebug; its lines are counted there.

local skynet = require "skynet"

local total = 0

local function add(a, b)
	local sum = a + b
	return sum
end

local command = {}

function command.sum(n, ...)
	local result = 0
	for i = 1, n do
		result = add(result, i)
	end
	total = total + result
	return result, ...
end

function command.hot(n)
	local sum = 0
	for i = 1, n do
		sum = sum + i % 7
	end
	return sum
end

function command.sort(list)
	table.sort(list, function(a, b)
		return a > b
	end)
	return list[1]
end

function command.sleep(cs)
	skynet.sleep(cs)
	return "slept"
end

function command.fail()
	local reason = "on purpose"
	error(reason, 0)
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, name, ...)
		skynet.retpack(command[name](...))
	end)
end)
