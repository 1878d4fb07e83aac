-- SPDX-License-Identifier: MIT
--
-- For bench_idle10k.py: half a pair. "work", PEER, UNTIL: asks the peer, computes a little, and again until
-- that time; answers how often. Everything else is echoed.

local skynet = require "skynet"

local function work(peer, until_ns)
	local rounds, x = 0, 1
	while skynet.hpc() < until_ns do
		x = skynet.call(peer, "lua", "echo", x)
		for _ = 1, 200 do
			x = (x * 1103515245 + 12345) % 2147483648
		end
		rounds = rounds + 1
	end
	return rounds
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, cmd, ...)
		skynet.retpack(cmd == "work" and work(...) or select(1, ...))
	end)
end)
