-- SPDX-License-Identifier: MIT
--
-- Calls that wait for a limited time. Loaded by the first call that has a limit, or is to have none whatever the option
-- `calltimeout` says (skynet.newservice and its like).

local core = require "skynet.core"
local task = require "skynet.task"
local protocol = require "skynet.protocol"
local call = require "skynet.call"

local live, waiting, BREAK = task.live, task.state.waiting, task.BREAK
local core_timeout, core_cancel, core_withdraw = core.timeout, core.cancel, core.withdraw
local need, await = task.need, task.await
local registry, ask = protocol.registry, call.ask
local NS_PER_CS = 1e7
local TIMEOUT = "timeout"

local deadline = {
	--- The reason of a call that has met its deadline.
	TIMEOUT = TIMEOUT,
}

live.timers = live.timers or {}
local timers = live.timers -- session of a timer -> session of the call that it makes fail, here
local limited = {} -- session -> true for a call with a deadline that its author gave
local default_cs = core.calltimeout()

--- A timer's message shall not come, or not matter when it does.
function deadline.cancel(session)
	if not core_cancel(session) then
		waiting[session] = BREAK
	end
end

-- The call that waits for `session` fails with TIMEOUT after `cs` centiseconds, unless disarm(the result) comes first.
-- Costs no coroutine.
local function arm(cs, session)
	local timer = core_timeout(cs > 0 and cs * NS_PER_CS or 0)
	timers[timer] = session
	return timer
end

-- After it has come this does nothing.
local function disarm(timer)
	if timers[timer] then
		timers[timer] = nil
		deadline.cancel(timer)
	end
end

--- As task.await, for at most `cs` centiseconds. A message that waits for a place in the mailbox when its time is over goes
-- back to its sender, and nothing more will come of it (taken_back). Else its answer, or the word that there is none,
-- comes late.
-- @return ok, msg, sz, taken_back; false, TIMEOUT when the time is over
function deadline.await(cs, addr, session)
	local timer = arm(cs, session)
	local own = cs ~= default_cs
	if own then
		limited[session] = true
	end
	local ok, msg, sz = await(session)
	if own then
		limited[session] = nil
	end
	disarm(timer)
	local taken_back = false
	if not ok and msg == TIMEOUT then
		taken_back = core_withdraw(addr, session)
		if not taken_back then
			waiting[session] = BREAK
		end
	end
	return ok, msg, sz, taken_back
end

--- The handle of the service without whose answer the call with this session does not end; nil when it is no call, or has
-- a deadline that its author gave (not the default one, which is there for calls that hang).
function deadline.needs(session)
	return not limited[session] and call.pending[session] or nil
end

--- Like skynet.call, with a deadline of its own: `cs` centiseconds from now (fractions count; math.huge:
-- none).
function deadline.calltimeout(cs, addr, typename, ...)
	need()
	local p = registry[typename]
	return p.unpack(ask(cs, addr, p, p.pack(...)))
end

--- Like skynet.call, without any deadline: for waiting until something happens.
function deadline.patient(addr, typename, ...)
	return deadline.calltimeout(1 / 0, addr, typename, ...)
end

return deadline
