-- SPDX-License-Identifier: MIT
-- Order: skynet.queue, mqueue, serial and keyed dispatch.

local skynet = require "skynet"
local new_lock = require "skynet.queue"
local mqueue = require "skynet.mqueue"
local check = dofile(SERVICE_PATH .. "check.lua")

local function locks()
	local lock = new_lock()
	local list = {}
	local function work(n)
		list[#list + 1] = "in " .. n
		skynet.sleep(1)
		lock(function()
			skynet.yield()
		end)
		list[#list + 1] = "out " .. n
	end
	for i = 1, 3 do
		skynet.fork(lock, work, i)
	end
	skynet.yield()
	check.eq(select("#", lock(function(...) return ... end, 1, nil, nil)), 3, "results are passed on")
	check.eq(table.concat(list, " "), "in 1 out 1 in 2 out 2 in 3 out 3", "one after the other, in order, re-entrant")
	local ok, err = pcall(lock, error, "inside", 0)
	check.ok(not ok and err:find "^inside\nstack traceback:", "an error comes out with its traceback", err)
	check.eq(lock(function() return "free" end), "free", "after which the lock is free")
end

-- In skynet a foreign wakeup of a task that queues trips an assertion (#700), and so may a kill.
local function strangers()
	local lock = new_lock()
	local list = {}
	local function hold(n, cs)
		skynet.sleep(cs)
		list[#list + 1] = n
	end
	local holder = skynet.fork(lock, hold, 1, 1000)
	local second = skynet.fork(lock, hold, 2, 0)
	local third = skynet.fork(lock, hold, 3, 0)
	skynet.yield()
	check.eq(skynet.wakeup(third), nil, "nobody else can wake one that queues")
	check.eq(skynet.killthread(second), second, "one that queues is killed")
	check.eq(skynet.killthread(holder), holder, "the one that has the lock is killed")
	lock(hold, 4, 0)
	check.eq(table.concat(list, " "), "3 4", "the others get it")
end

local active, most, order = 0, 0, {}

local function handle(session, _, key, value, cs)
	active = active + 1
	most = math.max(most, active)
	skynet.sleep(cs or 0)
	order[#order + 1] = key .. value
	active = active - 1
	if value == "boom" then
		error "boom"
	elseif session ~= 0 then
		skynet.retpack(value)
	end
end

local function reset(options)
	active, most, order = 0, 0, {}
	skynet.dispatch("lua", handle, options)
end

-- In skynet the second message is handled while the first one sleeps.
local function serial()
	local me = skynet.self()
	reset { serial = true }
	skynet.send(me, "lua", "a", 1, 3)
	skynet.send(me, "lua", "a", "boom", 2)
	skynet.send(me, "lua", "b", 2, 1)
	check.eq(skynet.call(me, "lua", "a", 3), 3, "a request in its turn")
	check.eq(table.concat(order, " "), "a1 aboom b2 a3", "in the order in which they came")
	check.eq(most, 1, "one at a time")
	reset()
	skynet.send(me, "lua", "a", 1, 3)
	skynet.call(me, "lua", "a", 2)
	check.eq(most, 2, "without the option they overtake each other, as in skynet")
	skynet.sleep(5)
end

local function keyed()
	local me = skynet.self()
	reset { key = function(key) return key ~= "none" and key or nil end }
	skynet.send(me, "lua", "a", 1, 3)
	skynet.send(me, "lua", "a", 2, 0)
	skynet.send(me, "lua", "none", 0, 0)
	skynet.send(me, "lua", "b", 1, 0)
	skynet.send(me, "lua", "b", 2, 0)
	check.eq(skynet.call(me, "lua", "a", 3), 3, "a request in the turn of its key")
	check.eq(table.concat(order, " "), "none0 b1 b2 a1 a2 a3", "order within a key, none between keys")
	check.eq(most, 3, "different keys at the same time")
end

local function bounded()
	local me = skynet.self()
	reset { serial = true, max = 2 }
	local fates = {}
	for i = 1, 5 do
		skynet.fork(function()
			fates[i] = tostring(select(2, pcall(skynet.call, me, "lua", "a", i, 2)))
		end)
	end
	check.soon(function()
		return fates[1] and fates[2] and fates[3]
	end, "the first three are handled")
	check.eq(table.concat(fates, " ", 1, 3), "1 2 3", "in order")
	for i = 4, 5 do
		check.eq(fates[i], "call failed: too many messages wait for their turn (2)", "number " .. i .. " is told")
	end
	check.eq(skynet.call(me, "lua", "a", 6), 6, "then there is room again")
end

local function queue_protocol()
	local me = skynet.self()
	local list = {}
	mqueue.register(function(n, cs)
		skynet.sleep(cs)
		list[#list + 1] = n
		return n, "done"
	end)
	check.eq(mqueue.send(me, 1, 2), 0, "mqueue.send gives 0")
	mqueue.send(me, 2, 0)
	local n, word = mqueue.call(me, 3, 0)
	check.ok(n == 3 and word == "done", "the results are the answer", n)
	check.eq(table.concat(list, " "), "1 2 3", "mqueue is sequential")
	check.eq(mqueue.size(), 0, "nobody waits")
	check.raises("before", "a second register", mqueue.register, print)
end

check.run(function()
	locks()
	strangers()
	serial()
	keyed()
	bounded()
	queue_protocol()
end)
