-- SPDX-License-Identifier: MIT
--
-- A lock that tasks of one service wait for, first come, first served: what skynet.queue and serial
-- dispatch are made of. A task that holds some is on record in task.held, so that killing it passes
-- them on.

local task = require "skynet.task"

local live, held = task.live, task.held

local Lock = {}
Lock.__index = Lock

local MAIN = {} -- who holds a lock in the main chunk, where there is no task

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

--- Wait until the lock is this task's. A task that has it already gets it once more.
function Lock:enter()
	local co = live.task or MAIN
	if self.holder == nil then
		take(self, co)
	elseif self.holder == co then
		self.depth = self.depth + 1
	else
		local waiter = { task = co }
		self.last = self.last + 1
		self[self.last] = waiter
		self.count.waiting = self.count.waiting + 1
		task.wait(waiter) -- release makes us the holder
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

--- Undo one enter.
function Lock:leave()
	self.depth = self.depth - 1
	if self.depth == 0 then
		self:release()
	end
end

return Lock
