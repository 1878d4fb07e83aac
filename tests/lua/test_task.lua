-- SPDX-License-Identifier: MIT
-- skynet/task.lua: what cannot be seen by the services in services/.

local COUNT = [[
local created = 0
local create = coroutine.create
coroutine.create = function(f)
	created = created + 1
	return create(f)
end
local skynet = require "skynet"
skynet.start(function()
	local me = skynet.self()
	skynet.dispatch("lua", function()
		skynet.sleep(0)
		skynet.retpack()
	end)
	local function load(n)
		for _ = 1, n do
			skynet.call(me, "lua")
			skynet.timeout(0, function() end)
			skynet.fork(function() end)
			skynet.yield()
		end
	end
	load(10)
	local before = created
	load(1000)
	print(created - before)
	local left = 300
	local function one()
		skynet.sleep(1)
		left = left - 1
	end
	for _ = 1, 300 do
		skynet.fork(one)
	end
	skynet.sleep(3)
	before = created
	for _ = 1, 300 do
		skynet.fork(one)
	end
	skynet.sleep(3)
	print(created - before)
end)
]]

-- The pool after a peak: at once, some seconds later, and minutes later, when its timers have stopped too.
local REST = [[
local skynet = require "skynet"
local core = require "skynet.core"
local pool = require "skynet.pool"
skynet.start(function()
	for _ = 1, 500 do
		skynet.fork(skynet.sleep, 1)
	end
	skynet.sleep(5)
	local peak = pool.figures()
	skynet.sleep(2500)
	local later = pool.figures()
	skynet.sleep(20000)
	local rested, messages = pool.figures(), core.stat "message"
	skynet.sleep(10000)
	print(peak >= 500, later < peak and later >= peak / 4, rested, core.stat "message" - messages == 1)
end)
]]

-- What core.tasks was told last: after a peak of sleepers, and when they have ended, some by an error.
local LIVE = [[
local core = require "skynet.core"
local tell, told = core.tasks, 0
core.tasks = function(n)
	told = n
	tell(n)
end
local skynet = require "skynet"
local function within(n)
	return told <= n and "within " .. n or tostring(told)
end
skynet.start(function()
	for i = 1, 299 do
		skynet.fork(function()
			skynet.sleep(1)
			if i % 2 == 0 then
				error "on purpose"
			end
		end)
	end
	skynet.sleep(0.5)
	print(math.abs(told - 300) <= 64 and 300 or told)
	skynet.sleep(5)
	print(within(66))
	for _ = 1, 1000 do
		skynet.fork(function() end)
		skynet.yield()
	end
	print(within(66))
end)
]]

local FAILING = [[
local skynet = require "skynet"
skynet.start(function()
	skynet.fork(function() error "first" end)
	skynet.fork(function() error "second" end)
	skynet.fork(function() coroutine.yield "HUH" end)
	skynet.fork(function() coroutine.yield "USER" end)
	skynet.fork(function() coroutine.yield() end)
	skynet.fork(function() print "ran" end)
	skynet.yield()
	local co = skynet.fork(function() error "not pooled" end)
	skynet.yield()
	for _ = 1, 10 do
		if skynet.fork(function() end) == co then
			print "a dead coroutine came back"
		end
	end
end)
]]

-- The collector must be able to take what a finished task held. Compiled code keeps the functions that it was made for:
-- which, if any, is chance here.
local GARBAGE = [[
local skynet = require "skynet"
skynet.start(function()
	local weak = setmetatable({}, { __mode = "k" })
	do
		local object = {}
		weak[object] = true
		skynet.fork(function(x) assert(x) end, object)
		skynet.timeout(0, function() assert(object) end)
	end
	skynet.sleep(1)
	jit.flush()
	collectgarbage()
	collectgarbage()
	print(next(weak))
end)
]]

return function(t)
	t.eq(t.output(COUNT), "0 0", "steady load creates no coroutine, a peak that comes again neither")

	local world = t.run(FAILING)
	local log = world:log_text()
	t.eq(table.concat(world.output, " "), "ran", "a failed task does not stop the others, and is not pooled")
	t.has(log, "main.lua:3: first\nstack traceback:", "an error with its traceback")
	t.has(log, "main.lua:4: second", "the second one")
	t.has(log, "Unknown command : HUH", "a stray yield with a value")
	t.has(log, "Call skynet.coroutine.yield out of skynet.coroutine.resume", "a stray yield of USER")
	local _, lines = log:gsub("lua call %[", "")
	t.eq(lines, 2, "the errors of one message are logged together")

	t.eq(t.output(LIVE), "300 within 66 within 66", "the runtime is told how many tasks have not ended")
	t.eq(t.output(REST, 400), "true\ttrue\t16\ttrue", "a service with nothing to do lets its pool shrink")

	t.eq(t.output(GARBAGE), "nil", "a finished task holds nothing")

	t.has(t.run([[require("skynet").call(1, "lua")]]):log_text(), "only a task can wait",
		"a call in the main chunk is refused")
	t.has(t.run([[require("skynet").sleep(1)]]):log_text(), "only a task can wait", "so is a sleep")
	t.eq(t.output([[
		local skynet = require "skynet"
		skynet.start(function()
			print(skynet.blocking(function(...) return select("#", ...), ... end, nil, 2, nil))
			local object = {}
			local ok, err = pcall(skynet.blocking, function() error(object) end)
			print(ok, err == object)
			print(pcall(skynet.blocking, function() skynet.sleep(1) end))
			print(pcall(skynet.blocking, function() skynet.call(1, "lua") end))
			print(pcall(skynet.blocking, skynet.blocking, print))
			skynet.sleep(1)
			print "still a task"
		end)
	]]):gsub("%S+lua:%d+: ", ""), "3\tnil\t2\tnil false\ttrue false\tnothing can wait inside "
		.. "skynet.blocking but what blocks the thread false\tnothing can wait inside skynet.blocking but "
		.. "what blocks the thread false\tskynet.blocking inside skynet.blocking still a task", "blocking")
	t.eq(t.output([[
		local skynet = require "skynet"
		skynet.start(function()
			local a, b = skynet.now(), skynet.hpc()
			skynet.sleep(0.1)
			skynet.sleep(0.25)
			print(skynet.hpc() - b)
			print(skynet.task "init" ~= nil)
			skynet.timeout(1, function() print(skynet.task "init") end)
		end)
	]]), "3500000 true nil", "fractions of a centisecond are passed on; the init task")
end
