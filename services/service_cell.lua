-- SPDX-License-Identifier: MIT
--
-- A service whose main chunk comes as its first message: what skynet.service.new makes.

local skynet = require "skynet"

local name = ...

-- The function is written like a main chunk, so it may call skynet.start; this service has started
-- already, so what it would start with is run at once.
local function run(code, ...)
	local start
	skynet.start = function(f)
		start = f
	end
	skynet.dispatch("lua", function()
		error("No dispatch function", 0)
	end)
	assert(loadstring(code, "=" .. name))(...)
	if start then
		start()
	end
end

skynet.dispatch("lua", function(_, _, cmd, code, ...)
	assert(cmd == "init", "the service has not begun")
	SERVICE_NAME = name
	run(code, ...)
	skynet.ret()
end)

skynet.start(function()
end)
