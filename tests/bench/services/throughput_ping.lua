-- SPDX-License-Identifier: MIT
--
-- For bench_throughput.py: calls its pong for ever; or sends it batches and waits for the last of each to be
-- answered, so that its queue stays short.

local skynet = require "skynet"

local BATCH = 100

local pong, mode = ...
pong = tonumber(pong)

local exchange = {}

function exchange.call()
	skynet.call(pong, "lua", 1, "ping")
end

function exchange.send()
	for _ = 2, BATCH do
		skynet.send(pong, "lua", 1, "ping")
	end
	skynet.call(pong, "lua", 1, "ping")
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, cmd)
		while cmd == "go" do
			exchange[mode]()
		end
	end)
end)
