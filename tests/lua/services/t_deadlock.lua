-- SPDX-License-Identifier: MIT
-- Requests that wait for themselves, and what only looks like it. On skynet the first kind hangs for ever.

local skynet = require "skynet"
local queue = require "skynet.queue"
local check = dofile(SERVICE_PATH .. "check.lua")
require "skynet.manager"

local function party(mode)
	return skynet.newservice("party", mode or "serial")
end

-- Several calls at once; each is { address, ... }. Their answers or errors, as texts.
local function together(calls)
	local results, left = {}, #calls
	for i, request in ipairs(calls) do
		skynet.fork(function()
			results[i] = tostring(select(2, pcall(skynet.call, request[1], "lua", unpack(request, 2, table.maxn(request)))))
			left = left - 1
		end)
	end
	check.soon(function()
		return left == 0
	end, #calls .. " calls end")
	return results
end

local function is_deadlock(text, name)
	check.ok(tostring(text):find "^call failed: .*deadlock: party %[ :%x+ %] waits for party %[", name, text)
end

local function two()
	local a, b = party(), party()
	local answers = together { { a, "CALL", 0, 10, b, "HANDLED" }, { b, "TRY", 0, 30, a, "HANDLED" } }
	is_deadlock(answers[2], "the younger of two calls fails")
	check.ok(answers[2]:find(skynet.address(a), 1, true) and answers[2]:find(skynet.address(b), 1, true),
		"the error names both services", answers[2])
	check.eq(answers[1], "2", "and the older one is answered")
	answers = together { { a, "TRY", 0, 30, b, "HANDLED" }, { b, "CALL", 0, 10, a, "HANDLED" } }
	is_deadlock(answers[1], "the other way round it is the other one")
	check.eq(skynet.call(a, "lua", "SLEEP", 0, 0), "slept", "both go on: one")
	check.eq(skynet.call(b, "lua", "SLEEP", 0, 0), "slept", "and the other")
end

local function itself()
	local a = party()
	is_deadlock(skynet.call(a, "lua", "TRY", 0, 0, a, "HANDLED"), "a serial service that calls itself")
	check.eq(skynet.call(a, "lua", "HANDLED"), 2, "and the request that got the error was not handled")
end

local function ring(n)
	local members, calls = {}, {}
	for i = 1, n do
		members[i] = party()
	end
	for i = 1, n do
		calls[i] = { members[i], "TRY", 0, 10 + i, members[i % n + 1], "HANDLED" }
	end
	local answers, failed = together(calls), 0
	for i = 1, n do
		failed = failed + (answers[i]:find("deadlock", 1, true) and 1 or 0)
	end
	check.eq(failed, 1, "one call fails in a ring of " .. n)
end

local function by_others()
	local a, plain, other = party(), party "plain", party "plain"
	local text = skynet.call(a, "lua", "TRY", 0, 0, plain, "CALL", 0, 0, other, "CALL", 0, 0, a, "HANDLED")
	check.ok(text:find "deadlock", "by way of services that handle everything at once", text)
	check.eq(skynet.call(plain, "lua", "CALL", 0, 0, other, "CALL", 0, 0, plain, "HANDLED"), 3,
		"which may call in circles themselves")
end

local function keys()
	local a, b = party "key", party "key"
	local answers = together { { a, "CALL", 1, 10, b, "HANDLED", 1 }, { b, "TRY", 1, 20, a, "HANDLED", 1 } }
	is_deadlock(answers[2], "with keys")
	answers = together { { a, "CALL", 1, 10, b, "SLEEP", 2, 20 }, { b, "CALL", 1, 20, a, "SLEEP", 2, 20 } }
	check.eq(table.concat(answers, " "), "slept slept", "other keys are no deadlock")
	check.eq(skynet.call(a, "lua", "CALL", 1, 0, a, "HANDLED", 2), 5, "nor is a call of oneself with another key")
end

local function sections()
	local a, b = party "plain", party "plain"
	local answers = together {
		{ a, "LOCKED", 0, 1, "CALL", 10, b, "LOCKED", 0, 1, "SLEEP", 0 },
		{ b, "LOCKED", 0, 1, "TRY", 20, a, "LOCKED", 0, 1, "SLEEP", 0 },
	}
	check.eq(answers[1], "slept", "critical sections of two services: the older call is answered")
	is_deadlock(answers[2], "the younger one fails")
	answers = together { { a, "BOTH", 0, 1, 2, 10 }, { a, "BOTH", 0, 2, 1, 20 } }
	check.eq(answers[1], "both", "two locks of one service, taken in different orders: the older one gets them")
	is_deadlock(answers[2], "the younger one does not")
	check.eq(skynet.call(a, "lua", "BOTH", 0, 2, 1, 0), "both", "both locks are free again")
end

-- The youngest wait is for a lock, of a task that has another one for which a call waits already.
local function late_lock()
	local a, b = party "plain", party "plain"
	local answers = together {
		{ a, "LOCKED", 0, 2, "CALL", 5, b, "TRY", 0, 5, a, "LOCKED", 0, 1, "SLEEP", 0 },
		{ a, "BOTH", 0, 1, 2, 60 },
	}
	is_deadlock(answers[1], "a lock wanted late: the youngest call fails")
	check.eq(answers[2], "both", "and the task that has the lock gets the other one")
end

-- Tasks that nobody calls.
local function forks()
	local one, other = queue(), queue()
	local results = {}
	local function both(first, second, cs, name)
		local _, result = pcall(first, function()
			skynet.sleep(cs)
			return second(function()
				return "both"
			end)
		end)
		results[name] = tostring(result)
	end
	skynet.fork(both, one, other, 10, "older")
	skynet.fork(both, other, one, 30, "younger")
	check.soon(function()
		return results.older and results.younger
	end, "two forks that take two locks in different orders end")
	check.eq(results.older, "both", "the older wait gets the lock")
	check.ok(results.younger:find "^deadlock: t_deadlock %[ :%x+ %] waits for t_deadlock", "the younger one an error",
		results.younger)
end

-- In each of these a task has its turn for several times as long as the limit, while others wait.
local function no_deadlocks()
	local a, b, plain = party(), party(), party "plain"
	local answers = together { { a, "SLEEP", 0, 50 }, { a, "HANDLED" }, { b, "CALL", 0, 0, a, "HANDLED" } }
	check.eq(table.concat(answers, " "), "slept 2 3", "one that sleeps")
	answers = together { { a, "CALL", 0, 10, plain, "SLEEP", 0, 50 }, { b, "CALL", 0, 20, a, "SLEEP", 0, 0 } }
	check.eq(table.concat(answers, " "), "slept slept", "one that waits for somebody who sleeps")
	answers = together { { a, "CALLTIMEOUT", 0, 30, b, "CALL", 0, 0, a, "HANDLED" }, { plain, "SLEEP", 0, 40 } }
	check.eq(answers[1], "call failed: call failed: timeout", "a circle with a deadline of its author's ends by that")
	check.eq(skynet.call(a, "lua", "SELECT", 0, b, "CALL", 0, 0, a, "HANDLED"), "nothing", "and one with skynet.request")
	answers = together { { a, "CALL", 0, 0, b, "DETACHED", 0, 40, a, "HANDLED" } }
	check.eq(answers[1], "detached", "a request that another task answers")
end

local function onlooker()
	local a, b = party(), party()
	local answers = together {
		{ a, "CALL", 0, 10, b, "HANDLED" },
		{ b, "TRY", 0, 20, a, "HANDLED" },
		{ a, "SLEEP", 0, 0 },
		{ b, "SLEEP", 0, 0 },
	}
	check.ok(answers[2]:find "deadlock", "the youngest call of the circle fails", answers[2])
	check.eq(answers[3] .. answers[4], "sleptslept", "and not the younger ones that wait for it")
end

local function killed()
	local a, b = party(), party()
	local answers
	skynet.fork(function()
		answers = together { { a, "TRY", 0, 0, b, "CALL", 0, 0, a, "HANDLED" } }
	end)
	skynet.sleep(3)
	skynet.kill(b)
	check.soon(function()
		return answers
	end, "a service of the circle dies")
	check.failed(answers[1], "and its caller learns of that")
end

-- Walks through services in one order for all, so that they wait for each other but never in a circle; then in any
-- order, where many circles form and nobody may be forgotten.
local function storm(name, in_order)
	local members, calls = {}, {}
	for i = 1, 5 do
		members[i] = party()
	end
	for i = 1, 30 do
		local way = {}
		for n = 1, 5 do
			if math.random() < 0.6 then
				way[#way + 1] = in_order and members[n] or members[math.random(5)]
			end
		end
		calls[i] = { table.remove(way) or members[1], "WALK", 0, math.random(0, 2), way }
	end
	local answers, walked, failed = together(calls), 0, 0
	for _, answer in ipairs(answers) do
		walked = walked + (answer == "walked" and 1 or 0)
		failed = failed + (answer:find "^call failed: .*deadlock: " and 1 or 0)
	end
	check.eq(walked + failed, #calls, name .. ": each gets an answer or is told of a deadlock")
	check.ok(failed == 0 or not in_order, name .. ": no deadlock where there is no circle", failed)
	check.ok(failed > 0 or in_order, name .. ": deadlocks where there are circles", failed)
	for _, member in ipairs(members) do
		check.eq(skynet.call(member, "lua", "SLEEP", 0, 0), "slept", name .. ": all go on")
	end
end

-- All at the same time: most of it is waiting.
check.run(function()
	local cases = {
		two, itself, by_others, keys, sections, late_lock, forks, no_deadlocks, onlooker, killed,
		function()
			ring(3)
		end,
		function()
			ring(6)
		end,
		function()
			storm("in one order", true)
		end,
		function()
			storm "in any order"
		end,
	}
	local left = #cases
	for _, case in ipairs(cases) do
		skynet.fork(function()
			local ok, err = xpcall(case, debug.traceback)
			check.ok(ok, "a case runs to its end", err)
			left = left - 1
		end)
	end
	check.soon(function()
		return left == 0
	end, "all cases end")
end)
