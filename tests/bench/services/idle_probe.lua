-- SPDX-License-Identifier: MIT
--
-- For bench_idle10k.py: sleeps 1 to 5 ms at a time until the time it is told, and answers how many
-- microseconds more each sleep was, as a text.

local skynet = require "skynet"

local function measure(until_ns)
	local late = {}
	while skynet.hpc() < until_ns do
		local sleep_cs = 0.1 + 0.4 * math.random()
		local begin_ns = skynet.hpc()
		skynet.sleep(sleep_cs)
		late[#late + 1] = string.format("%.1f", (skynet.hpc() - begin_ns - sleep_cs * 1e7) / 1000)
	end
	return table.concat(late, " ")
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, until_ns)
		skynet.retpack(measure(until_ns))
	end)
end)
