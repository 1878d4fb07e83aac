-- SPDX-License-Identifier: MIT
-- The limit of tasks: skynet.tasklimit.

local skynet = require "skynet"
require "skynet.manager"
local check = dofile(SERVICE_PATH .. "check.lua")

local function ask(addr, ...)
	return skynet.call(addr, "debug", "INFO", ...)
end

local function limited(limit)
	local addr = skynet.newservice "limited"
	ask(addr, "LIMIT", limit)
	return addr
end

local function send_all(addr, from, to, ...)
	for i = from, to do
		skynet.send(addr, "lua", i, ...)
	end
end

-- Messages do not overtake, so what this asks comes after what was sent.
local function seen(addr)
	return (ask(addr, "SEEN"))
end

local function arguments()
	check.eq(skynet.tasklimit(), 0, "no limit by default")
	check.eq(skynet.tasklimit(7), 0, "the limit before is returned")
	check.eq(skynet.tasklimit(), 7, "nil leaves it")
	local before, now = skynet.tasklimit(0)
	check.eq(before, 7, "0 takes it away")
	check.ok(now >= 1, "this task is one", now)
	for _, bad in ipairs { -1, 1.5, "many", true, 0 / 0 } do
		check.raises("bad task limit " .. tostring(bad), "not a limit: " .. tostring(bad), skynet.tasklimit, bad)
	end
	check.eq(skynet.tasklimit(), 0, "what is refused changes nothing")
end

local function messages_wait()
	local addr = limited(3)
	send_all(addr, 1, 8, "wait")
	check.eq(seen(addr), "1 2 3", "three begin, the others wait")
	ask(addr, "RELEASE")
	check.eq(seen(addr), "1 2 3 4", "one ends, the next one begins")
	send_all(addr, 9, 9, "wait")
	ask(addr, "RELEASE")
	ask(addr, "RELEASE")
	check.eq(seen(addr), "1 2 3 4 5 6", "in the order in which they came")
	ask(addr, "LIMIT", 5)
	check.eq(seen(addr), "1 2 3 4 5 6 7 8", "a higher limit lets more begin at once")
	ask(addr, "LIMIT", 1)
	ask(addr, "RELEASE")
	ask(addr, "RELEASE")
	check.eq(seen(addr), "1 2 3 4 5 6 7 8", "a lower one counts for what comes")
	ask(addr, "LIMIT", 0)
	local names, _, most = ask(addr, "SEEN")
	check.eq(names, "1 2 3 4 5 6 7 8 9", "without one all begin")
	check.eq(most, 5, "never more at a time than allowed")
end

local function answers_get_in()
	local addr, peer = limited(2), skynet.newservice "peer"
	send_all(addr, 1, 10, "call", peer)
	check.soon(function()
		return select(2, ask(addr, "SEEN")) == 10
	end, "answers of a peer get in")
	send_all(addr, 11, 20, "sleep")
	check.soon(function()
		return select(2, ask(addr, "SEEN")) == 20
	end, "timers get in")
	send_all(addr, 21, 30, "error")
	check.soon(function()
		return select(2, ask(addr, "SEEN")) == 30
	end, "an error ends a task")
	check.eq(select(3, ask(addr, "SEEN")), 2, "two at a time")
	local answers = {}
	for i = 31, 40 do
		answers[#answers + 1] = skynet.call(addr, "lua", i, "nothing")
	end
	check.eq(table.concat(answers, " "), "31 32 33 34 35 36 37 38 39 40", "and it serves on")
end

local function what_counts()
	local addr = limited(2)
	ask(addr, "TIMERS", 10)
	send_all(addr, 1, 3, "wait")
	check.eq(seen(addr), "1 2", "timers to come do not count")
	ask(addr, "KILL_TIMERS")
	check.eq(seen(addr), "1 2", "nor when they are killed")
	ask(addr, "RELEASE")
	check.eq(seen(addr), "1 2 3", "and nothing is left of them")
	ask(addr, "RELEASE")
	ask(addr, "RELEASE")
	ask(addr, "FORK", 2)
	send_all(addr, 4, 4, "nothing")
	check.eq(seen(addr), "1 2 3", "forks do")
	ask(addr, "LIMIT", 3)
	check.eq(seen(addr), "1 2 3 4", "one more than those may")
end

local function its_end(name, stop)
	local addr = limited(1)
	local outcome = {}
	for i = 1, 3 do
		skynet.fork(function()
			outcome[i] = select(2, pcall(skynet.call, addr, "lua", i, "wait"))
		end)
	end
	skynet.yield()
	check.eq(seen(addr), "1", name .. ": one is served, two wait")
	stop(addr)
	check.soon(function()
		return outcome[1] and outcome[2] and outcome[3]
	end, name .. ": nobody waits for ever")
	for i = 1, 3 do
		check.failed(outcome[i], name .. ": caller " .. i)
	end
end

check.run(function()
	arguments()
	messages_wait()
	answers_get_in()
	what_counts()
	its_end("kill", skynet.kill)
	its_end("exit", function(addr)
		skynet.send(addr, "debug", "EXIT")
	end)
end)
