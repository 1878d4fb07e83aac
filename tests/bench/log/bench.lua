-- SPDX-License-Identifier: MIT
-- Measures itself beside the flood, and prints: lines, seconds, growth of memory, lateness.

local skynet = require "skynet"
local core = require "skynet.core"

local NAP_CS = 0.2

skynet.start(function()
	local flood = skynet.newservice "flood"
	local seconds, rate = tonumber(skynet.getenv "seconds"), tonumber(skynet.getenv "rate")
	skynet.fork(function()
		local before, most, late, through = core.sched().allocated, 0, {}, nil
		skynet.fork(function()
			through = { skynet.call(flood, "lua", seconds, rate) }
		end)
		repeat
			local mark = skynet.hpc()
			skynet.sleep(NAP_CS)
			late[#late + 1] = (skynet.hpc() - mark) / 1e3 - NAP_CS * 1e4
			most = math.max(most, core.sched().allocated - before)
		until through
		table.sort(late)
		local function at(share)
			return late[math.ceil(#late * share)]
		end
		print(string.format("= %d %f %d %d %d %d", through[1], through[2], most / 1024, at(0.5), at(0.99), late[#late]))
		core.abort(0)
	end)
end)
