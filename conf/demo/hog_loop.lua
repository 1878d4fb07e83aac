-- SPDX-License-Identifier: MIT
--
-- An endless loop. LuaJIT turns it into a few machine instructions that call nothing and look at
-- nothing.

local skynet = require "skynet"

skynet.start(function()
	print("Server start")
	skynet.newservice "simpledb"
	skynet.send("SIMPLEDB", "lua", "TEST")
	local i = 0
	while true do
		i = i > 1e9 and 0 or i + 1
		if i == 0 then
			print("I'm working")
		end
	end
end)
