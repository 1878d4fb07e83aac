-- SPDX-License-Identifier: MIT
--
-- For bench_throughput.py: answers what is called, counts what is sent.

local skynet = require "skynet"

local got = 0

skynet.start(function()
	skynet.dispatch("lua", function(session, _, ...)
		got = got + 1
		if session > 0 then
			skynet.retpack(...)
		end
	end)
end)
