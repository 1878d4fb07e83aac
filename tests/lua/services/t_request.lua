-- SPDX-License-Identifier: MIT
-- Calls with a deadline, and several at once.

local skynet = require "skynet"
local check = dofile(SERVICE_PATH .. "check.lua")

-- skynet's call has no deadline: a peer that is busy for ever holds its callers for ever.
local function deadline(peer)
	local begin = skynet.hpc()
	check.raises("call failed: timeout", "a call that takes too long", skynet.calltimeout, 5, peer, "lua", "SLEEP", 20, "late")
	check.ok(skynet.hpc() - begin >= 50e6, "not before its time", skynet.hpc() - begin)
	check.eq(skynet.calltimeout(1000, peer, "lua", "ECHO", "in time"), "in time", "a call that is answered in time")
	check.eq(skynet.calltimeout(math.huge, peer, "lua", "SLEEP", 1, "patient"), "patient", "a call without a deadline")
	check.raises("timeout", "fractions of a centisecond", skynet.calltimeout, 0.1, peer, "lua", "SLEEP", 20)
	check.raises("timeout", "no time at all", skynet.calltimeout, 0, peer, "lua", "SLEEP", 20)
	check.raises("boom", "an error comes before the deadline", skynet.calltimeout, 100, peer, "lua", "RAISE")
	check.raises("invalid address", "a dead address", skynet.calltimeout, 100, 0xffff, "lua", "ECHO")
	check.raises("timeout", "a peer that hangs", skynet.calltimeout, 1, peer, "lua", "HANG")
	check.eq(skynet.task(), 1, "nothing is left but the guard timer")
	skynet.sleep(30) -- the late answers come meanwhile
	check.eq(skynet.call(peer, "lua", "ECHO", "after"), "after", "late answers harm nobody")
end

local function answers(peer)
	local requests = skynet.request()
	for i = 1, 5 do
		requests:add { peer, "lua", "SLEEP", 5 - i, i, token = i }
	end
	local order, values = {}, 0
	for request, answer in requests:select() do
		order[#order + 1] = request.token
		values = values + answer[1]
	end
	check.eq(table.concat(order, " "), "5 4 3 2 1", "answers as they come")
	check.eq(values, 15, "all of them")
	for _, answer in skynet.request { peer, "lua", "ECHO", 1, nil, nil, n = 6 }:select() do
		check.eq(answer.n, 3, "n, on the way there and back")
	end
	check.eq(requests.timeout, nil, "without a timeout")
	check.eq(skynet.task(), 1, "nothing is left")
end

local function failures(peer)
	local fates = {}
	local requests = skynet.request { peer, "lua", "RAISE", token = "raise" } { 0xffff, "lua", "ECHO", token = "dead" }
	requests:add { peer, "lua", "ECHO", nil, 2, token = "echo" }
	for request, answer in requests:select() do
		fates[#fates + 1] = request.token .. "=" .. tostring(answer and answer[2] or answer)
	end
	check.eq(table.concat(fates, " "), "dead=nil raise=false echo=2", "invalid addresses first, false for a failed call")
	check.raises("index", "an unknown protocol", function()
		skynet.request { peer, "lua", "SLEEP", 1 } { peer, "nothing", 1 }:select()
	end)
	local n = 0
	for _ in skynet.request():select() do
		n = n + 1
	end
	check.eq(n, 0, "no requests, no answers")
end

local function limits(peer)
	local requests = skynet.request { peer, "lua", "ECHO", token = "fast" } { peer, "lua", "SLEEP", 30, token = "slow" }
	local came = {}
	for request in requests:select(10) do
		came[#came + 1] = request.token
	end
	check.eq(table.concat(came, " "), "fast", "those in time")
	check.eq(requests.timeout, true, "and word that others were not")
	-- In skynet a loop that breaks off needs Lua 5.4 to leave nothing behind.
	for request in skynet.request { peer, "lua", "ECHO", token = 1 } { peer, "lua", "SLEEP", 5, token = 2 }:select() do
		check.eq(request.token, 1, "the first answer")
		break
	end
	skynet.sleep(50)
	check.eq(skynet.task(), 1, "a loop that breaks off leaves nothing behind in the end")
	local dying = skynet.newservice "peer"
	local fate
	for _, answer in skynet.request { dying, "lua", "HANG" } { dying, "lua", "EXIT" }:select() do
		fate = (fate or "") .. tostring(answer)
	end
	check.eq(fate, "falsefalse", "a peer that ends")
end

check.run(function()
	local peer = skynet.newservice "peer"
	deadline(peer)
	answers(peer)
	failures(peer)
	limits(peer)
end)
