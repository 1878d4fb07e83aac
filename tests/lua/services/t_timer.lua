-- SPDX-License-Identifier: MIT
-- Timers: order, resolution, never early. What is measured against an upper bound may be repeated,
-- for a loaded machine can stop this process at any moment.

local skynet = require "skynet"
local check = dofile(SERVICE_PATH .. "check.lua")

local LATE_NS = 500e6
local TRIES = 10

-- The shortest of several runs of f, in ns; the first that is below the limit is short enough.
local function shortest(limit_ns, f)
	local best = math.huge
	for _ = 1, TRIES do
		local begin = skynet.hpc()
		f()
		best = math.min(best, skynet.hpc() - begin)
		if best < limit_ns then
			break
		end
	end
	return best
end

local function slept(cs)
	local result
	local took_ns = shortest(cs * 1e7 + LATE_NS, function()
		result = skynet.sleep(cs)
	end)
	check.eq(result, nil, "sleep(" .. cs .. ") gives nil")
	check.ok(took_ns >= cs * 1e7, "sleep(" .. cs .. ") is not early", took_ns)
	check.ok(took_ns < cs * 1e7 + LATE_NS, "sleep(" .. cs .. ") is not late", took_ns)
end

-- skynet's timers have ticks of 10 ms. A hundred sleeps of 1 ms: with 10 ms ticks they would take a second.
local function fractions()
	local took_ns = shortest(900e6, function()
		for _ = 1, 100 do
			skynet.sleep(0.1)
		end
	end)
	check.ok(took_ns >= 100e6, "0.1 cs is not less than 1 ms", took_ns)
	check.ok(took_ns < 900e6, "0.1 cs is not 1 cs", took_ns)
end

local function order()
	local list = {}
	for _, cs in ipairs { 60, 20, 40, 0, 30.5, -1 } do
		skynet.timeout(cs, function()
			list[#list + 1] = cs
		end)
	end
	check.soon(function()
		return #list == 6
	end, "all timers come")
	check.eq(table.concat(list, " "), "0 -1 20 30.5 40 60", "timers come in the order of their times")
end

local function many()
	local left = 1000
	for i = 1, 1000 do
		skynet.timeout(i % 7, function()
			left = left - 1
		end)
	end
	check.soon(function()
		return left == 0
	end, "a thousand timers")
end

-- Ten thousand sleeping coroutines take 17 MB in skynet, and none of their timers can be taken back.
local function cheap()
	collectgarbage()
	local before, n = collectgarbage "count", 10000
	local timers = {}
	for i = 1, n do
		timers[i] = skynet.timeout(100000, print)
	end
	collectgarbage()
	local bytes = (collectgarbage "count" - before) * 1024 / n
	check.ok(bytes < 1000, "a timer takes less than 1000 bytes", bytes)
	local tasks = skynet.task()
	skynet.killthread(timers[n])
	check.eq(skynet.task(), tasks - 1, "a timer is taken back")
end

local function wake()
	local co = coroutine.running()
	skynet.timeout(1, function()
		check.eq(skynet.wakeup(co), true, "wakeup of a sleeping task")
		check.eq(skynet.wakeup(co), true, "and once more before it runs")
		check.eq(select("#", skynet.wakeup {}), 0, "wakeup of nobody gives no value")
	end)
	check.eq(skynet.sleep(100), "BREAK", "a sleep that is woken")
	skynet.sleep(110) -- the timer of the sleep that was woken comes meanwhile
	check.ok(true, "the late timer harms nobody")
end

-- As they come from newservice or the config.
local function texts()
	local fired
	check.eq(skynet.sleep "0.1", nil, "sleep takes a number in digits")
	skynet.timeout("1", function()
		fired = true
	end)
	check.soon(function()
		return fired
	end, "timeout too")
	for _, f in ipairs { skynet.sleep, skynet.timeout } do
		check.raises("t_timer.lua", "what is no number is refused at the line that says it", function()
			f("soon", texts)
		end)
		check.raises("a delay must be a number of 1/100 s, got nil", "nil too", f, nil, texts)
	end
end

local function clocks()
	local now, time = skynet.now(), skynet.time()
	skynet.sleep(10)
	check.ok(skynet.now() - now >= 10, "now goes on", skynet.now() - now)
	check.ok(skynet.time() - time >= 0.09, "time goes on", skynet.time() - time)
	check.eq(math.floor(skynet.now()), skynet.now(), "now is an integer")
	check.ok(math.abs(skynet.time() - skynet.starttime() - skynet.now() / 100) < 5, "time is starttime and now")
end

check.run(function()
	slept(0)
	slept(0.1)
	slept(1)
	slept(5)
	fractions()
	order()
	many()
	cheap()
	wake()
	texts()
	clocks()
	check.eq(type(skynet.timeout(1, function() end)), "thread", "timeout gives the coroutine")
	check.eq(skynet.yield(), nil, "yield gives nil")
end)
