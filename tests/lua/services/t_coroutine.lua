-- SPDX-License-Identifier: MIT
-- Coroutines inside of tasks, and the CPU time of one.

local skynet = require "skynet"
local co = require "skynet.coroutine"
local profile = require "skynet.profile"
local check = dofile(SERVICE_PATH .. "check.lua")

local function values()
	local c = co.create(function(a, b)
		local x = co.yield(a + b)
		skynet.sleep(1)
		local y, z = co.yield(x * 2)
		return y, z, "end"
	end)
	check.eq(co.status(c), "suspended", "a new coroutine")
	check.eq(select(2, co.resume(c, 1, 2)), 3, "the first yield")
	check.eq(select(2, co.resume(c, 10)), 20, "it sleeps before the second")
	local ok, y, z, word = co.resume(c, nil, 5)
	check.ok(ok and y == nil and z == 5 and word == "end", "what it returns", word)
	check.eq(co.status(c), "dead", "it has ended")
	check.eq(select(2, co.resume(c)), "cannot resume dead coroutine", "and cannot go on")
	local function count(...)
		return select("#", ...)
	end
	check.eq(count(co.resume(co.create(function() end))), 1, "one that returns nothing gives true alone")
	check.eq(count(co.wrap(function() end)()), 0, "and nothing when it is wrapped")
	check.eq(count(co.wrap(function() co.yield() end)()), 0, "so does a yield of nothing")
	check.eq(count(co.wrap(function() co.yield(nil, nil) end)()), 2, "nils that are yielded count")
	check.eq(count(co.resume(co.create(function() skynet.sleep(0) return nil, nil end))), 3,
		"so do those returned, after a sleep")
	c = co.create(function(...)
		return count(...), count(co.yield())
	end)
	co.resume(c, nil, nil)
	local _, given, again = co.resume(c, nil)
	check.ok(given == 2 and again == 1, "and those that are given", again)
end

local function blocked()
	local c = co.create(function()
		skynet.sleep(5)
		return "slept"
	end)
	local result
	skynet.fork(function()
		result = select(2, co.resume(c))
	end)
	skynet.sleep(1)
	check.eq(co.status(c), "blocked", "it waits for the framework")
	check.eq(select(2, co.resume(c)), "cannot resume a skynet coroutine suspend by skynet framework", "nobody resumes it")
	check.eq(select(2, co.resume(coroutine.create(print))), "cannot resume none skynet coroutine", "nor one of Lua's own")
	check.soon(function()
		return result == "slept"
	end, "it comes back by itself")
end

local function wrapped()
	local next_one = co.wrap(function()
		for i = 1, 3 do
			skynet.yield()
			co.yield(i)
		end
		error("the end", 0)
	end)
	check.eq(next_one() + next_one() + next_one(), 6, "wrap")
	check.raises("the end", "an error in a wrapped one", next_one)
	local failing = co.create(function()
		skynet.sleep(0)
		error("after a sleep", 0)
	end)
	local ok, err = co.resume(failing)
	check.ok(not ok and err == "after a sleep", "an error after a sleep", err)
end

local function owners()
	local me = coroutine.running()
	check.eq(co.thread(), me, "a task is its own thread")
	check.eq(select(2, co.thread()), true, "and knows")
	local inner
	local c = co.create(function()
		inner = { co.thread() }
		check.ok(co.isyieldable(), "isyieldable")
		check.eq(co.running(), coroutine.running(), "running")
		co.yield()
	end)
	co.resume(c)
	check.ok(inner[1] == me and inner[2] == false, "the task of a coroutine", inner[1])
	check.eq(co.close(c), true, "close")
	check.eq(co.status(c), "dead", "a closed one is dead")
	local failing = co.create(error)
	co.resume(failing, "why")
	local ok, why = co.close(failing)
	check.ok(ok == false and why == "why", "close of one that has failed gives the error", why)
	check.eq(co.close(failing), true, "once")
	check.eq(co.close(co.create(print)), true, "close of one that has not begun")
	check.raises("cannot close a running coroutine", "the running one cannot be closed", co.close, me)
	check.eq(co.resume(c), false, "and stays so")
end

-- Two levels, each of which calls.
local function nested()
	local peer = skynet.newservice "peer"
	local list = {}
	local outer = co.wrap(function()
		local inner = co.wrap(function()
			for i = 1, 3 do
				co.yield(skynet.call(peer, "lua", "SLEEP", 1, i))
			end
		end)
		for _ = 1, 3 do
			co.yield(skynet.call(peer, "lua", "ECHO", inner()))
		end
	end)
	for _ = 1, 3 do
		list[#list + 1] = outer()
	end
	check.eq(table.concat(list, " "), "1 2 3", "coroutines in coroutines that call")
	local token_of_inner = co.create(function()
		return skynet.wait() or "woken"
	end)
	local result
	skynet.fork(function()
		result = select(2, co.resume(token_of_inner))
	end)
	skynet.yield()
	check.eq(skynet.wakeup(token_of_inner), true, "one that waits is known by itself")
	check.soon(function()
		return result == "woken"
	end, "and wakes")
end

local function cpu()
	profile.start()
	check.raises("start profile more than once", "a second start", profile.start)
	skynet.sleep(5)
	local seconds = profile.stop()
	check.ok(seconds >= 0 and seconds < 0.05, "sleeping costs no CPU", seconds)
	check.raises("before profile.stop", "a stop without a start", profile.stop)
	local c = coroutine.create(function()
		profile.start()
		coroutine.yield()
		return profile.stop()
	end)
	coroutine.resume(c)
	check.eq(type(select(2, coroutine.resume(c))), "number", "of a coroutine of Lua's own")
	check.eq(coroutine.resume, profile.resume, "coroutine.resume is the one that counts")
	check.eq(coroutine.wrap, profile.wrap, "so is wrap")
	check.eq(select("#", profile.wrap(function(...)
		return ...
	end)(1, nil, nil)), 3, "wrap passes all values")
	check.raises("thrown", "and errors", profile.wrap(error), "thrown")
	local other = coroutine.create(function()
		for i = 1, 1e6 do
			c = i
		end
		coroutine.yield()
	end)
	check.eq(profile.start(other), nil, "start for another coroutine")
	coroutine.resume(other)
	skynet.sleep(3)
	local used = profile.stop(other)
	check.ok(used >= 0 and used < 5, "stop for it", used)
end

check.run(function()
	values()
	blocked()
	wrapped()
	owners()
	nested()
	cpu()
end)
