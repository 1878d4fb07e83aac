-- SPDX-License-Identifier: MIT
--
-- How many tasks there are: what the runtime is told, and the limit. Loaded when the runtime is to be told for the first
-- time, which is with 64 tasks, or by skynet.tasklimit or the option `max_tasks`.

local core = require "skynet.core"
local pool = require "skynet.pool"

local max, min, floor, HUGE = math.max, math.min, math.floor, math.huge
local TELL_LEAST = 64

local tasklimit = {}

local limit = HUGE -- of tasks that have begun
if core.maxtasks() > 0 then
	limit = core.maxtasks()
end

--- Tell the runtime that `live` tasks have been begun and have not ended, `later` of them by timers to come. Only for
-- pool.lua.
-- @return with more tasks than the first, and with fewer than the second number, it is to be told again
function tasklimit.tell(live, later)
	local step = max(live / 8, TELL_LEAST)
	local most = limit + later
	local full = live >= most
	core.tasks(live, full)
	if full then
		return live + step, max(live - step, most)
	end
	return min(live + step, most - 1), live - step
end

--- Let no more than `n` tasks of this service be begun and not ended (0: as many as come; nil: as before), those that run
-- in the background included. Beyond that new messages wait in the mailbox, in their order; answers, errors and the
-- system, debug and socket protocols are handled as ever. Forks and timers begin in any case. What all tasks wait for
-- must not be such a message: that would be for ever. Raises for anything else than a whole number from 0.
-- @return the limit that was there before (0: none), and how many there are
function tasklimit.tasklimit(n)
	local before = limit < HUGE and limit or 0
	if n ~= nil then
		if type(n) ~= "number" or n < 0 or n ~= floor(n) then
			error("bad task limit " .. tostring(n) .. ": a whole number from 0 (none) is expected", 2)
		end
		limit = n > 0 and n or HUGE
		core.maxtasks(n)
	end
	return before, pool.limit(limit < HUGE)
end

return tasklimit
