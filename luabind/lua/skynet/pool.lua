-- SPDX-License-Identifier: MIT
--
-- Finished coroutines, kept for the next tasks: steady load creates none. A bounded plain list
-- rather than a weak table, because a weak one is emptied by every collection, just when the
-- service has the most to do. After a peak it shrinks by what the load since then never needed:
-- half of it per window, so that one that swings is not rebuilt each time. A window ends after so many tasks, or after some
-- seconds, for a service that has nothing to do any more.

local core = require "skynet.core"

local create, yield, running = coroutine.create, coroutine.yield, coroutine.running
local ceil, floor, min, max = math.ceil, math.floor, math.min, math.max
local HUGE = math.huge

local IDLE_MAX = 1024
local IDLE_KEPT = 16 -- too few to trim
local WINDOW = 4096 -- tasks begun between two looks at what was not needed

local pool = {
	--- What a coroutine yields when it suspends, for whatever reason, in the library.
	SUSPEND = "SUSPEND",
}
local SUSPEND = pool.SUSPEND

local idle, count = {}, 0
local created = 0
local begun, least = 0, 0 -- in this window: tasks, and the fewest that were idle at a time
local watch_above = IDLE_KEPT -- with more idle ones than that somebody is to call trim after a while; HUGE: he knows

-- Tasks that were begun and have not ended, those of timers to come included. The runtime is told of every change by an
-- eighth, and when `limit` is reached or left, which costs the usual task two comparisons.
local TELL_LEAST = 64
local live, tell_above, tell_below = 0, TELL_LEAST, -1
local limit = HUGE -- of tasks that have begun
local later = 0 -- tasks of timers to come

local function tell()
	local step = max(live / 8, TELL_LEAST)
	local most = limit + later
	local full = live >= most
	core.tasks(live, full)
	tell_above, tell_below = live + step, live - step
	if full then
		tell_below = max(tell_below, most)
	else
		tell_above = min(tell_above, most - 1)
	end
end

--- A task has ended by an error, after which its coroutine does not come back.
function pool.ended()
	live = live - 1
	if live < tell_below then
		tell()
	end
end

-- The main function of every task. Fixed parameters rather than `...`: they can be cleared, so that
-- an idle coroutine does not keep the last message's objects alive.
local function body(f, a, b, c, d, e)
	local co = running()
	while true do
		f(a, b, c, d, e)
		live = live - 1
		if live < tell_below then
			tell()
		end
		if count >= IDLE_MAX then
			return
		end
		count = count + 1
		idle[count] = co
		if count > watch_above then
			watch_above = HUGE
			pool.watch()
		end
		f, a, b, c, d, e = nil, nil, nil, nil, nil, nil
		f, a, b, c, d, e = yield(SUSPEND)
	end
end

local function drop(n)
	for i = count, count - n + 1, -1 do
		idle[i] = nil
	end
	count = count - n
end

local function end_window()
	local spare = min(least, count - IDLE_KEPT)
	if spare > 0 then
		drop(ceil(spare / 2))
	end
	begun, least = 0, count
end

--- An idle coroutine, from the pool or new. It begins with the first resume(co, f, ...), which
-- passes at most five arguments on to f. If f raises an error it is dead and does not come back.
function pool.acquire()
	begun = begun + 1
	if begun >= WINDOW then
		end_window()
	end
	live = live + 1
	if live > tell_above then
		tell()
	end
	if count == 0 then
		least = 0
		created = created + 1
		return create(body)
	end
	local co = idle[count]
	idle[count] = nil
	count = count - 1
	if count < least then
		least = count
	end
	return co
end

--- So many tasks more (1) or less (-1) have been made whose timers have not fired.
function pool.defer(n)
	later = later + n
	if limit ~= HUGE then
		tell()
	end
end

--- Let no more than `n` tasks of this service be begun and not ended (0: as many as come; nil: as before), those that run
-- in the background included. Beyond that new messages wait in the mailbox, in their order; answers, errors and the
-- system, debug and socket protocols are handled as ever. Forks and timers begin in any case. What all tasks wait for
-- must not be such a message: that would be for ever. Raises for anything else than a whole number from 0.
-- @return the limit that was there before (0: none), and how many there are
function pool.tasklimit(n)
	local before = limit < HUGE and limit or 0
	if n ~= nil then
		if type(n) ~= "number" or n < 0 or n ~= floor(n) then
			error("bad task limit " .. tostring(n) .. ": a whole number from 0 (none) is expected", 2)
		end
		limit = n > 0 and n or HUGE
		core.maxtasks(n)
		tell()
	end
	return before, live - later
end
pool.tasklimit(core.maxtasks())

--- Called when there is something to trim: pool.trim is to be called in some seconds. skynet/task.lua, which has the timers,
-- sets it.
function pool.watch()
end

--- Forget half of those that were idle all the time since this, or 4096 tasks, ago. When all are gone that can be, the
-- memory is given back: a service with nothing to do would not collect it.
function pool.trim()
	local before = count
	end_window()
	watch_above = IDLE_KEPT
	if count > IDLE_KEPT then
		watch_above = HUGE
		pool.watch()
	elseif before > count then
		collectgarbage()
	end
end

--- Forget all idle coroutines, so that the next collection takes them.
function pool.clear()
	idle, count, least = {}, 0, 0
end

--- How many coroutines wait for a task, and how many were created since the service began.
-- @return idle, created
function pool.figures()
	return count, created
end

return pool
