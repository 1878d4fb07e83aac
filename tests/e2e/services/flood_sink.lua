-- SPDX-License-Identifier: MIT
--
-- What is flooded: its handlers wait for seconds, or until it is opened. Asked by the debug protocol.

local skynet = require "skynet"

local SUSPENDED_CS = 3000 -- longer than the test has patience: it is opened before

local open = false
local waiting = {}
local seen = { sends = 0, calls = 0, disorder = 0, now = 0, most = 0 }
local last = {}

local function suspend()
	seen.now = seen.now + 1
	seen.most = math.max(seen.most, seen.now)
	local token = {}
	waiting[token] = true
	skynet.sleep(SUSPENDED_CS, token)
	waiting[token] = nil
	seen.now = seen.now - 1
end

skynet.info_func(function(what)
	if what == "OPEN" then
		open = true
		for token in pairs(waiting) do
			skynet.wakeup(token)
		end
	end
	return seen
end)

-- Of sends the number counts for each sender.
skynet.dispatch("lua", function(session, source, number)
	if session ~= 0 then
		seen.calls = seen.calls + 1
	else
		seen.sends = seen.sends + 1
		if number <= (last[source] or 0) then
			seen.disorder = seen.disorder + 1
		end
		last[source] = number
	end
	if not open then
		suspend()
	end
	if session ~= 0 then
		skynet.retpack(number)
	end
end)

skynet.start(function()
end)
