-- SPDX-License-Identifier: MIT
--
-- Sends to the sink as fast as it can, some of it as calls, and counts what it was told.

local skynet = require "skynet"

local CALL_EACH, YIELD_EACH = 16, 64

local told = { sends = 0, calls = 0, ended = 0 } -- what happened -> how often

local function count(what)
	told[what] = (told[what] or 0) + 1
end

local function send(sink, number)
	local sent, why = skynet.send(sink, "lua", number)
	told.sends = told.sends + 1
	count("send " .. (sent == 0 and (why or "accepted") or sent == false and why or "nobody"))
end

local function call(sink, number)
	local ok, answer = pcall(skynet.call, sink, "lua", number)
	count("call " .. (ok and "answered" or answer))
	told.ended = told.ended + 1
end

local function flood(sink, total)
	for number = 1, total do
		if number % CALL_EACH == 0 then
			told.calls = told.calls + 1
			skynet.fork(call, sink, number)
		else
			send(sink, number)
		end
		if number % YIELD_EACH == 0 then
			skynet.yield()
		end
	end
	told.through = true
end

skynet.dispatch("lua", function(_, _, what, ...)
	if what == "FLOOD" then
		skynet.fork(flood, ...)
	else
		skynet.retpack(told)
	end
end)

skynet.start(function()
end)
