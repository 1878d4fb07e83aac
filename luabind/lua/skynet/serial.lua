-- SPDX-License-Identifier: MIT
--
-- Handlers that take one message after the other, each to its end even across calls: what
-- skynet.dispatch(type, f, { serial = true }) and { key = ... } make of f. Messages of one key are
-- handled in the order in which they came; those of different keys at the same time.

local Lock = require "skynet.lock"

local WAITING_MAX = 1024
local EVERY = {} -- the key of all messages with `serial`

local serial = {}

-- An order is a table: locks, by key; waiting, how many messages wait; max.
local function new_order(max)
	local order = { locks = {}, waiting = 0, max = max }
	order.drop = function(lock)
		order.locks[lock.key] = nil
	end
	return order
end

-- There may be a key for each player, so a lock is made when it is needed and dropped when it is
-- free again.
local function enter(order, key)
	local lock = order.locks[key]
	if lock == nil then
		lock = Lock.new(order, order.drop)
		lock.key = key
		order.locks[key] = lock
	elseif order.waiting >= order.max then
		error(string.format("too many messages wait for their turn (%d)", order.waiting), 0)
	end
	lock:enter()
	return lock
end

local function leave(lock, ok, err)
	lock:leave()
	if not ok then
		error(err, 0)
	end
end

local function every()
	return EVERY
end

--- A handler that runs f in order.
-- @param options one of serial (true) and key: a function that gets the unpacked message and gives
-- the key to order by (nil: this message in no order); max: how many messages may wait (1024),
-- beyond which requests fail and other messages are dropped with an error in the log. A request that waits
-- for itself fails, too: skynet/deadlock.lua
function serial.wrap(f, options)
	local key_of = options.key or options.serial and every
	if not key_of then
		return f
	end
	local order = new_order(options.max or WAITING_MAX)
	return function(session, source, ...)
		local key = key_of(...)
		if key == nil then
			return f(session, source, ...)
		end
		local lock = enter(order, key)
		return leave(lock, xpcall(f, debug.traceback, session, source, ...))
	end
end

return serial
