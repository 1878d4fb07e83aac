-- SPDX-License-Identifier: MIT
--
-- Deadlocks: requests that wait for themselves, across services. Loaded when a task has waited for
-- a lock (serial dispatch, skynet.queue) for as long as the option `deadlock` says.
--
-- Every task that counts here waits for one thing only: for the answer to one call, so for the task
-- that serves it, or for one lock, so for the task that has it. So whoever follows these edges from
-- a task either comes to one that may go on by itself, or walks in a circle; and as nothing but the
-- next edge can end each wait, a circle stays one. A call is served by a task that is younger than
-- the call, so the youngest wait of each circle is one for a lock. Hence only those for a lock ask,
-- once each, when the wait is old enough, and the youngest one finds all the others there; those for the
-- same lock ask together, since they wait for the same task. Calls cost nothing.
--
-- The question is a message ("CHASE" of the debug protocol) which goes from service to service, from
-- a call to the task that serves it, with the trail of the waits that it came by. Each service
-- looks at its own tasks only. When it comes to a task that waits for the lock that it began with there is a
-- circle; if that wait is the youngest one in there, it decides, so that each deadlock is told once. Who gives up
-- is the youngest call: the youngest wait for a lock whose task serves a call of the circle (or,
-- where locks alone make a circle, the youngest wait). From there the question goes round once
-- more, for the stacks, and then that request gets an error instead of the lock.
--
-- When in doubt, there is no deadlock. The trail ends at a task that sleeps, waits (skynet.wait,
-- skynet.request), computes, or calls with a deadline of its own (skynet.calltimeout); and at a
-- request that nobody serves: still in the mailbox, answered, detached by skynet.response, passed on
-- by skynet.redirect, its service dead. Not foreseen: a task that answers a request which another
-- one serves, by a raw message of type "response".

local require = require("skynet.require").original -- what ships does not wait while it is loaded
local core = require "skynet.core"
local task = require "skynet.task"
local call = require "skynet.call"
local serve = require "skynet.serve"
local Lock = require "skynet.lock"
local needs = require("skynet.deadline").needs
local address_text = require("skynet.say").address

local waiting, sleeping, held = task.state.waiting, task.state.sleeping, task.live.held
local waits = Lock.waits
local AGE_NS = core.deadlock() * 1e7

local HOPS_MAX = 256 -- of a trail: a longer one is given up
local CHASES_MAX = 256 -- that one patrol begins; the next one goes on with the other locks

local deadlock = {}

local function session_of(co)
	for session, waiter in pairs(waiting) do
		if waiter == co then
			return session
		end
	end
end

-- The task whose it is to answer a request, or nil: it has not begun, or was answered or given away.
local function task_of(source, session)
	for co, request in pairs(serve.serving) do
		if request.session == session and request.source == source then
			return co
		end
	end
end

local function waiter_of(number)
	for _, waiter in pairs(waits) do
		if waiter.number == number then
			return waiter
		end
	end
end

-- A trail is an array of hops, and `stacks`, whether it is the second one, which brings their stacks. A hop is one wait
-- of one task: address and name of its service; lock (its number), number and since_ns (of the wait), for a lock; peer and
-- session, for a call; source and request, when the task was come to by a call (whose, and its session). The first hop is
-- that of any task that waits for the lock, until the trail comes back by one of them; of the second trail, the very one.
local function add_hop(trail, co, hop)
	hop.address, hop.name = core.self(), SERVICE_NAME
	hop.stack = trail.stacks and debug.traceback(co) or nil
	trail[#trail + 1] = hop
end

local function is_first(trail, waiter)
	local first = trail[1]
	return first ~= nil and first.address == core.self() and first.lock == waiter.lock.number
		and (first.number == waiter.number or not trail.stacks)
end

-- Follow the waits of tasks from `co`, until they leave this service by a call.
-- @return peer, session of that call; nil when somebody may go on; or the waiter that is the first hop of the trail
local function follow(trail, co, source, request)
	while #trail < HOPS_MAX do
		local waiter = waits[co]
		if not waiter then
			local session = session_of(co)
			local peer = session and needs(session)
			if peer then
				add_hop(trail, co, { source = source, request = request, peer = peer, session = session })
			end
			return peer, session
		elseif is_first(trail, waiter) then
			local first = trail[1]
			first.source, first.request = source, request
			first.number, first.since_ns = waiter.number, waiter.since_ns
			return waiter
		end
		add_hop(trail, co, { source = source, request = request, lock = waiter.lock.number, number = waiter.number,
			since_ns = waiter.since_ns })
		source, request = nil, nil
		co = waiter.lock.holder
	end
end

-- Two of the same nanosecond: by an order that all services share.
local function is_younger(a, b)
	if a.since_ns ~= b.since_ns then
		return a.since_ns > b.since_ns
	elseif a.address ~= b.address then
		return a.address > b.address
	end
	return a.number > b.number
end

-- The youngest wait for a lock, or the youngest of those whose task is come to by a call.
local function youngest(trail, by_call)
	local found
	for _, hop in ipairs(trail) do
		local counts = hop.number and (hop.source or not by_call)
		if counts and (found == nil or is_younger(hop, found)) then
			found = hop
		end
	end
	return found
end

-- All addresses of a trail are those of hops in it.
local function who(trail, address)
	for _, hop in ipairs(trail) do
		if hop.address == address then
			return string.format("%s [ %s ]", hop.name, address_text(address))
		end
	end
end

local function describe(trail, hop)
	local self = who(trail, hop.address)
	if hop.peer then
		return string.format("%s waits for an answer of %s, session %d", self, who(trail, hop.peer), hop.session)
	elseif hop.source then
		return string.format("%s: the request of %s, session %d, waits for its turn", self, who(trail, hop.source), hop.request)
	end
	return self .. ": a task waits for a lock"
end

-- What the request that is given up is told: one line, since it goes into an answer.
local function reason_of(trail)
	local names, last = {}, nil
	for _, hop in ipairs(trail) do
		if hop.address ~= last then
			names[#names + 1] = who(trail, hop.address)
			last = hop.address
		end
	end
	if names[1] ~= names[#names] or #names == 1 then
		names[#names + 1] = names[1]
	end
	return "deadlock: " .. table.concat(names, " waits for ")
end

local function report(trail)
	local first = trail[1]
	local what = first.source
		and string.format("the youngest call, from %s, session %d, gets an error", who(trail, first.source), first.request)
		or "the youngest wait gets an error"
	local lines = { string.format("error: %s; %s", reason_of(trail), what) }
	for _, hop in ipairs(trail) do
		lines[#lines + 1] = "    " .. describe(trail, hop)
		for line in hop.stack:gmatch "[^\n]+" do
			lines[#lines + 1] = "        " .. line:gsub("\t", "    ")
		end
	end
	core.error(table.concat(lines, "\n"))
end

-- The trail is back at the waiter with which it began.
local function close(trail, waiter)
	if trail.stacks then
		report(trail)
		waiter.lock:refuse(waiter, reason_of(trail))
	elseif youngest(trail) == trail[1] then
		local victim = youngest(trail, true) or trail[1]
		call.send(victim.address, "debug", "CHASE", { stacks = true, number = victim.number })
	end
end

local function go_on(trail, co, source, request)
	local next_one, session = follow(trail, co, source, request)
	if type(next_one) == "table" then
		close(trail, next_one)
	elseif next_one then
		call.send(next_one, "debug", "CHASE", trail, core.self(), session)
	end
end

local function is_known(trail, source, request)
	local self = core.self()
	for _, hop in ipairs(trail) do
		if hop.address == self and hop.source == source and hop.request == request then
			return true
		end
	end
	return false
end

--- A trail comes here, by the call `request` of `source`; or begins here (with no hop in it), at the waiter `number`.
function deadlock.arrive(trail, source, request)
	if source == nil then
		local waiter = waiter_of(trail.number)
		if waiter then
			go_on(trail, waiter.task)
		end
		return
	end
	local co = task_of(source, request)
	-- A request for the second time is of a circle that the first hop waits for and is no part of: it has its own
	-- questions.
	if co and not is_known(trail, source, request) then
		go_on(trail, co, source, request)
	end
end

-- Whether anybody may wait for this task: who calls it, or who wants one of its locks.
local function is_wanted(co)
	local request = serve.serving[co]
	local session = request and request.session
	return held[co] ~= nil or session ~= nil and session ~= 0
end

-- The locks for which somebody has waited long enough and has not asked: lock -> one that waits for it.
local function due()
	local locks, left, before_ns = {}, CHASES_MAX, core.hpc() - AGE_NS
	for co, waiter in pairs(waits) do
		if sleeping[waiter] == nil then
			waits[co] = nil -- it was killed
		elseif not waiter.asked and waiter.since_ns <= before_ns and (locks[waiter.lock] or left > 0) then
			waiter.asked = true
			if not locks[waiter.lock] and is_wanted(co) then
				locks[waiter.lock] = waiter
				left = left - 1
			end
		end
	end
	return locks
end

--- Let those ask that have waited long enough. Called by skynet/lock.lua, in a task.
function deadlock.patrol()
	for _, waiter in pairs(due()) do
		go_on({ stacks = false }, waiter.task)
	end
end

return deadlock
