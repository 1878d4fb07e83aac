-- SPDX-License-Identifier: MIT
-- Logs for so many seconds, at so many lines a second (0: as many as it can), and answers with how many it said.

local skynet = require "skynet"

local TEXT = string.rep("x", 60)

skynet.start(function()
	skynet.dispatch("lua", function(_, _, seconds, rate)
		local begin, n = skynet.hpc(), 0
		local spent
		repeat
			for _ = 1, 100 do
				n = n + 1
				skynet.error("line number", n, TEXT)
			end
			spent = (skynet.hpc() - begin) / 1e9
			if rate > 0 and n / rate > spent then
				skynet.sleep((n / rate - spent) * 100)
			end
		until spent >= seconds
		skynet.retpack(n, (skynet.hpc() - begin) / 1e9)
	end)
end)
