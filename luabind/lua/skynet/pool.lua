-- SPDX-License-Identifier: MIT
--
-- Finished coroutines, kept for the next tasks: steady load creates none. A bounded plain list
-- rather than a weak table, because a weak one is emptied by every collection, just when the
-- service has the most to do. How it shrinks after a peak: skynet/trim.lua. What the runtime is told of the number of tasks,
-- and the limit: skynet/tasklimit.lua.

local core = require "skynet.core"

-- LuaJIT's require, before skynet/require.lua replaces it: what ships does not wait while it is loaded.
local create, yield, running, require = coroutine.create, coroutine.yield, coroutine.running, require
local HUGE = 1 / 0

local IDLE_MAX = 1024
local IDLE_KEPT = 16 -- too few to trim
local WINDOW = 4096 -- tasks begun between two looks at what was not needed

local pool = {
	IDLE_KEPT = IDLE_KEPT,
	--- What a coroutine yields when it suspends, for whatever reason, in the library.
	SUSPEND = "SUSPEND",
}
local SUSPEND = pool.SUSPEND

local idle, count = {}, 0
local created = 0
local begun, least = 0, 0 -- in this window: tasks, and the fewest that were idle at a time
local watch_above = IDLE_KEPT -- with more idle ones than that skynet/trim.lua is to know; HUGE: it does

-- Tasks that were begun and have not ended, those of timers to come included. The runtime is told of every change by an
-- eighth, and when the limit is reached or left, which costs the usual task two comparisons.
local limited = core.maxtasks() > 0
local live, tell_above, tell_below = 0, limited and 0 or 64, -1
local later = 0 -- tasks of timers to come

local function tell()
	tell_above, tell_below = require("skynet.tasklimit").tell(live, later)
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
		if pool.on_end then -- by skynet/trace.lua
			pool.on_end(co)
		end
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
			require("skynet.trim").watch()
		end
		f, a, b, c, d, e = nil, nil, nil, nil, nil, nil
		f, a, b, c, d, e = yield(SUSPEND)
	end
end

--- An idle coroutine, from the pool or new. It begins with the first resume(co, f, ...), which
-- passes at most five arguments on to f. If f raises an error it is dead and does not come back.
function pool.acquire()
	begun = begun + 1
	if begun >= WINDOW then
		require("skynet.trim").end_window()
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
	if limited then
		tell()
	end
end

--- For skynet/tasklimit.lua: whether there is a limit. The runtime is told at once.
-- @return how many tasks have begun and not ended
function pool.limit(on)
	limited = on
	tell()
	return live - later
end

--- Forget all idle coroutines but `n`, so that the next collection takes them, and begin a new window.
-- @param again tell skynet/trim.lua of the next peak; without it this stays as it is
function pool.keep(n, again)
	for i = n + 1, count do
		idle[i] = nil
	end
	if n == 0 then
		idle = {} -- smaller
	end
	count, begun, least = n, 0, n
	if again then
		watch_above = IDLE_KEPT
	end
end

--- How many coroutines wait for a task, and how many were created since the service began.
-- @return idle, created, and the fewest that were idle at a time in this window
function pool.figures()
	return count, created, least
end

return pool
