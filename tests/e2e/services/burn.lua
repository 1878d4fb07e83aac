-- SPDX-License-Identifier: MIT
-- Uses the CPU for ever after "go". Launched under several names, so that the config can tell them apart.

local skynet = require "skynet"

skynet.start(function()
	skynet.dispatch("lua", function()
		local i = 0
		while true do
			i = i + 1
		end
	end)
end)
