-- SPDX-License-Identifier: MIT
--
-- The pool after a peak. It shrinks by what the load since then never needed: half of it per window, so that one that
-- swings is not rebuilt each time. A window ends after so many tasks, or after some seconds, for a service that has nothing
-- to do any more. Loaded by the first end of a window, or peak.

local core = require "skynet.core"
local pool = require "skynet.pool"
local live = require("skynet.task").live

local IDLE_KEPT = pool.IDLE_KEPT
local TRIM_NS = 1e10 -- between two looks at a pool that may be too large

local trim = {}

-- Forget half of those that were idle all the time since the window began.
local function shrink()
	local count, _, least = pool.figures()
	local spare = math.min(least, count - IDLE_KEPT)
	local kept = spare > 0 and count - math.ceil(spare / 2) or count
	pool.keep(kept)
	return kept, count
end

--- A window has ended after so many tasks.
function trim.end_window()
	shrink()
end

-- When all are gone that can be, the memory is given back: a service with nothing to do would not collect it.
local function look()
	local kept, before = shrink()
	if kept > IDLE_KEPT then
		trim.watch()
		return
	end
	pool.keep(kept, true)
	if before > kept then
		collectgarbage()
	end
end

--- There are more idle coroutines than are always kept: look at them in some seconds.
function trim.watch()
	live.timers = live.timers or {}
	live.timers[core.timeout(TRIM_NS)] = look
end

return trim
