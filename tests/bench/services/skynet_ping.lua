-- SPDX-License-Identifier: MIT
--
-- For bench_skynet.py; it runs on skynet too. WAY, UNTIL: calls its pong until that time, or sends it batches and waits
-- for the last of each to be answered, so that its queue stays short. Answers how often.

local skynet = require "skynet"

local BATCH = 100

local pong = tonumber((...))

local batch = {}

function batch.call()
	for _ = 1, BATCH do
		skynet.call(pong, "lua", 1, "ping")
	end
end

function batch.send()
	for _ = 2, BATCH do
		skynet.send(pong, "lua", 1, "ping")
	end
	skynet.call(pong, "lua", 1, "ping")
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, way, until_ns)
		local operations = 0
		repeat
			batch[way]()
			operations = operations + BATCH
		until skynet.hpc() >= until_ns
		skynet.retpack(operations)
	end)
end)
