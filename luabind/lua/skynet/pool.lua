-- SPDX-License-Identifier: MIT
--
-- Finished coroutines, kept for the next tasks: steady load creates none. A bounded plain list
-- rather than a weak table, because a weak one is emptied by every collection, just when the
-- service has the most to do. After a peak it shrinks by what the load since then never needed:
-- half of it per window, so that one that swings is not rebuilt each time.

local core = require "skynet.core"

local create, yield, running = coroutine.create, coroutine.yield, coroutine.running
local floor, min = math.floor, math.min

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

-- Tasks that were begun and have not ended. The watchdog is told of every change by an eighth, which
-- costs the usual task two comparisons.
local TELL_LEAST = 64
local live, tell_above, tell_below = 0, TELL_LEAST, -1

local function tell()
	local step = live / 8
	if step < TELL_LEAST then
		step = TELL_LEAST
	end
	core.tasks(live)
	tell_above, tell_below = live + step, live - step
end

--- A task has ended: here, or by an error, after which its coroutine does not come back.
local function ended()
	live = live - 1
	if live < tell_below then
		tell()
	end
end
pool.ended = ended

-- The main function of every task. Fixed parameters rather than `...`: they can be cleared, so that
-- an idle coroutine does not keep the last message's objects alive.
local function body(f, a, b, c, d, e)
	while true do
		f(a, b, c, d, e)
		ended()
		if count >= IDLE_MAX then
			return
		end
		count = count + 1
		idle[count] = running()
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
	if spare > 1 then
		drop(floor(spare / 2))
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
