-- SPDX-License-Identifier: MIT
--
-- A lock that tasks of one service wait for, first come, first served: what skynet.queue and serial
-- dispatch are made of. A task that holds some is on record in live.held, so that killing it passes
-- them on; one that waits is on record in Lock.waits, so that a deadlock is found.

local core = require "skynet.core"
local task = require "skynet.task"

local live = task.live
local held = setmetatable({}, { __mode = "k" }) -- task -> the lock that it took last, from which the others hang
live.held = held

local Lock = {}
Lock.__index = Lock

local MAIN = {} -- who holds a lock in the main chunk, where there is no task

local waits = {} -- task -> what it waits with: { task, lock, number, since_ns }
local count = 0 -- of waits in this service so far; they and the locks that are waited for have numbers

--- The tasks that wait. One that was killed stays until the next look (skynet/deadlock.lua).
Lock.waits = waits

local PATROL_CS = core.deadlock() -- math.huge: never
local watched = PATROL_CS == math.huge

local watch

local function look()
	watched = false
	if next(waits) then
		require("skynet.deadlock").patrol()
	end
	if next(waits) then
		watch()
	end
end

-- While anybody waits, one timer per service; whoever gets the lock at once pays nothing.
watch = function()
	if not watched then
		watched = true
		task.timeout(PATROL_CS, look)
	end
end

--- A free lock.
-- @param count a table whose field `waiting` counts those that wait, for several locks together
-- @param on_free function (lock), called when nobody has it any more
function Lock.new(count, on_free)
	return setmetatable({ holder = nil, depth = 0, first = 1, last = 0, outer = nil, count = count or { waiting = 0 },
		on_free = on_free }, Lock)
end

local function take(self, co)
	self.holder, self.depth = co, 1
	self.outer = held[co]
	held[co] = self
end

local function wait(self, co)
	count = count + 1
	self.number = self.number or count
	local waiter = { task = co, lock = self, number = count, since_ns = core.hpc() }
	self.last = self.last + 1
	self[self.last] = waiter
	self.count.waiting = self.count.waiting + 1
	waits[co] = waiter
	watch()
	task.wait(waiter) -- release makes us the holder
	if waiter.refused then
		error(waiter.refused, 0)
	end
end

--- Wait until the lock is this task's. A task that has it already gets it once more. Raises what
-- refuse was given.
function Lock:enter()
	local co = live.task or MAIN
	if self.holder == nil then
		take(self, co)
	elseif self.holder == co then
		self.depth = self.depth + 1
	else
		wait(self, co)
	end
end

--- Pass the lock on, whatever its depth. Each that waits has a token of its own, so nobody else can
-- wake it by mistake; one that was killed is not woken, and passed over.
function Lock:release()
	held[self.holder] = self.outer
	self.holder, self.outer = nil, nil
	while self.first <= self.last do
		local waiter = self[self.first]
		self[self.first] = nil
		self.first = self.first + 1
		self.count.waiting = self.count.waiting - 1
		waits[waiter.task] = nil
		if task.wakeup(waiter) then
			take(self, waiter.task)
			return
		end
	end
	self.first, self.last = 1, 0
	if self.on_free then
		self.on_free(self)
	end
end

local function place_of(self, waiter)
	for i = self.first, self.last do
		if self[i] == waiter then
			return i
		end
	end
end

--- One that waits (an entry of Lock.waits) does not get the lock: its enter raises `reason`.
function Lock:refuse(waiter, reason)
	for i = place_of(self, waiter), self.last do
		self[i] = self[i + 1]
	end
	self.last = self.last - 1
	self.count.waiting = self.count.waiting - 1
	waits[waiter.task] = nil
	waiter.refused = reason
	task.wakeup(waiter)
end

--- Undo one enter.
function Lock:leave()
	self.depth = self.depth - 1
	if self.depth == 0 then
		self:release()
	end
end

return Lock
