-- SPDX-License-Identifier: MIT
--
-- A service that others find by its name. hog_loop sends it a message just before it stops
-- listening to anybody, and the message is handled all the same.

local skynet = require "skynet"
require "skynet.manager" -- for skynet.register

local command = {}

function command.TEST()
	print("Simpledb test")
	return true
end

skynet.start(function()
	print("Simpledb start")
	skynet.dispatch("lua", function(session, address, cmd, ...)
		local f = command[string.upper(cmd)]
		if f == nil then
			error(string.format("Unknown command %s", tostring(cmd)))
		end
		skynet.ret(skynet.pack(f(...)))
	end)
	skynet.register "SIMPLEDB"
end)
