-- SPDX-License-Identifier: MIT
--
-- For bench_idle10k.py: a service as most are, of which nobody wants anything.

local skynet = require "skynet"

local state = {}
local command = {}

function command.SET(key, value)
	state[key] = value
end

function command.GET(key)
	return state[key]
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, cmd, ...)
		skynet.retpack(command[cmd](...))
	end)
end)
