-- SPDX-License-Identifier: MIT
-- Tasks: fork, wait, wakeup, and how they end.

local skynet = require "skynet"
local check = dofile(SERVICE_PATH .. "check.lua")

local function arguments()
	local got
	local co = skynet.fork(function(...)
		got = { n = select("#", ...), ... }
	end, 1, nil, "x", nil)
	check.eq(type(co), "thread", "fork gives the coroutine")
	check.eq(got, nil, "it has not run yet")
	skynet.yield()
	check.ok(got.n == 4 and got[1] == 1 and got[3] == "x", "fork passes all arguments", got.n)
	local count
	skynet.fork(function(...)
		count = select("#", ...)
	end)
	skynet.yield()
	check.eq(count, 0, "fork without arguments")
	check.raises(": skynet.fork needs a function, got nil", "fork of nothing", function()
		skynet.fork(nil, 1)
	end)
	check.raises(": skynet.timeout needs a function, got nil", "timeout of nothing", function()
		skynet.timeout(1)
	end)
end

local function identity()
	local inside
	local co = skynet.fork(function()
		inside = coroutine.running()
		skynet.wait()
		inside = "woken"
	end)
	skynet.yield()
	check.eq(inside, co, "coroutine.running is what fork gave")
	check.eq(skynet.wakeup(co), true, "wakeup by coroutine")
	skynet.yield()
	check.eq(inside, "woken", "wait without token")
end

-- In skynet each refused wait leaves a session entry behind.
local function duplicates()
	local token = {}
	local before = skynet.task()
	skynet.fork(function()
		skynet.wait(token)
	end)
	skynet.yield()
	check.eq(skynet.task(), before + 1, "one more task waits")
	check.raises("token duplicative", "wait on a token in use", skynet.wait, token)
	check.raises("token duplicative", "sleep on a token in use", skynet.sleep, 1, token)
	check.eq(skynet.task(), before + 1, "a refused wait leaves nothing behind")
	skynet.wakeup(token)
	skynet.yield()
	check.eq(skynet.task(), before, "and the other one is gone")
end

local function inspection()
	local token = {}
	local co = skynet.fork(function()
		skynet.wait(token)
	end)
	skynet.yield()
	local session = skynet.task(co)
	check.eq(type(session), "number", "session of a task")
	check.ok(skynet.task(session):find "traceback", "traceback of a session", skynet.task(session))
	check.eq(skynet.task(123456789), "No session", "no such session")
	local list, found = {}, false
	skynet.task(list)
	for key in pairs(list) do
		found = found or key:find("session: " .. session, 1, true) ~= nil
	end
	check.ok(found, "the task is listed")
	skynet.wakeup(token)
end

-- More tasks at once than the pool keeps, several times.
local function many()
	local sum = 0
	for _ = 1, 3 do
		for i = 1, 1000 do
			skynet.fork(function(n)
				skynet.yield()
				sum = sum + n
			end, i)
		end
		skynet.sleep(1)
	end
	check.soon(function()
		return sum == 3 * 500500
	end, "all tasks end")
	check.eq(sum, 3 * 500500, "three thousand tasks")
end

local function nested_pcall()
	local ok, err = pcall(function()
		skynet.sleep(1)
		error("after a sleep", 0)
	end)
	check.ok(not ok and err == "after a sleep", "a task sleeps inside pcall", err)
	local ok2, text = skynet.pcall(error, "x", 0)
	check.ok(not ok2 and text == "x", "skynet.pcall", text)
end

local function sleep_tokens()
	local token = {}
	local result
	skynet.fork(function()
		result = skynet.sleep(1000, token)
	end)
	skynet.yield()
	check.eq(skynet.wakeup(token), true, "wakeup by a token of one's own")
	skynet.yield()
	check.eq(result, "BREAK", "sleep with a token gives BREAK")
end

check.run(function()
	arguments()
	identity()
	duplicates()
	inspection()
	many()
	nested_pcall()
	sleep_tokens()
end)
