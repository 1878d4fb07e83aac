-- SPDX-License-Identifier: MIT
--
-- Deadlocks: requests that wait for themselves, across services. Loaded when a task has waited for
-- a lock (serial dispatch, skynet.queue) for as long as the option `deadlock` says.
--
-- Every task that counts here waits for one thing only: for the answer to one call, so for the task
-- that serves it, or for one lock, so for the task that has it. So whoever follows these edges from
-- a task either comes to one that may go on by itself, or walks in a circle; and as nothing but the
-- next edge can end each wait, a circle stays one. A call is served by a task that is younger than
-- the call, so no circle is made of calls alone: the youngest wait of each is one for a lock. Hence
-- only those for a lock ask, once each, when the wait is old enough; calls cost nothing.
--
-- The question is a message ("CHASE" of the debug protocol) which goes from service to service, from
-- a call to the task that serves it, with the trail of the waits that it came by. Each service
-- looks at its own tasks only. When it comes back to where it began there is a circle. It is told
-- to nobody but the youngest wait: that one's own question, which finds all the others there,
-- decides, so a deadlock is reported once. It goes round once more, for the stacks, and then
-- this request gets an error instead of the lock.
--
-- When in doubt, there is no deadlock. The trail ends at a task that sleeps, waits (skynet.wait,
-- skynet.request), computes, or calls with a deadline of its own (skynet.calltimeout); and at a
-- request that nobody serves: still in the mailbox, answered, detached by skynet.response, passed on
-- by skynet.redirect, its service dead. Not foreseen: a task that answers a request which another
-- one serves, by a raw message of type "response".

local core = require "skynet.core"
local task = require "skynet.task"
local call = require "skynet.call"
local serve = require "skynet.serve"
local Lock = require "skynet.lock"

local waiting, sleeping = task.state.waiting, task.state.sleeping
local waits = Lock.waits
local AGE_NS = core.deadlock() * 1e7

local HOPS_MAX = 256 -- of a trail: a longer one is given up
local CHASES_MAX = 256 -- that one patrol begins; the next one goes on

local deadlock = {}

local function session_of(co)
	for session, waiter in pairs(waiting) do
		if waiter == co then
			return session
		end
	end
end

-- A trail is an array of hops, and `stacks`, whether they are to bring their stacks. A hop is one wait of one task:
-- address and name of its service; since_ns, for a lock; peer and session, for a call; source and
-- request, when the task was come to by a call (whose, and its session).
local function add_hop(trail, co, hop)
	hop.address, hop.name = core.self(), SERVICE_NAME
	hop.stack = trail.stacks and debug.traceback(co) or nil
	trail[#trail + 1] = hop
	return hop
end

-- Follow the waits of tasks from `co` until they leave this service by a call.
-- @return peer, session of that call; nil when somebody may go on
local function follow(trail, co, source, request)
	while #trail < HOPS_MAX do
		local waiter = waits[co]
		if not waiter then
			local session = session_of(co)
			local peer = session and call.needs(session)
			if peer then
				add_hop(trail, co, { source = source, request = request, peer = peer, session = session })
				return peer, session
			end
			return nil
		end
		add_hop(trail, co, { source = source, request = request, since_ns = waiter.since_ns })
		source, request = nil, nil
		co = waiter.lock.holder
	end
end

local function go_on(trail, co, source, request)
	local peer, session = follow(trail, co, source, request)
	if peer then
		call.send(peer, "debug", "CHASE", trail, core.self(), session)
	end
end

-- Of the waits for a lock whose task is reached by a call, or, in a circle without calls, of all.
-- Two of the same nanosecond: the one that stands first in an order that all services share.
local function is_younger(a, b)
	if a.since_ns ~= b.since_ns then
		return a.since_ns > b.since_ns
	elseif a.address ~= b.address then
		return a.address > b.address
	end
	return (a.request or 0) > (b.request or 0)
end

local function first_is_youngest(trail)
	local first = trail[1]
	for i = 2, #trail do
		local hop = trail[i]
		local counts = hop.since_ns and (hop.source or not first.source)
		if counts and is_younger(hop, first) then
			return false
		end
	end
	return true
end

-- All addresses of a trail are those of hops in it.
local function who(trail, address)
	for _, hop in ipairs(trail) do
		if hop.address == address then
			return string.format("%s [ %s ]", hop.name, call.address(address))
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
	return self .. ": this one waits for a lock"
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
	names[#names + 1] = names[1]
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

local function give_up(waiter, trail)
	report(trail)
	waiter.lock:refuse(waiter, reason_of(trail))
end

local function begin(co, source, request, stacks)
	go_on({ stacks = stacks }, co, source, request)
end

-- The trail has come back to the task with whose wait it began.
local function close(trail, co, source, request)
	local waiter = waits[co]
	if not waiter or waiter.since_ns ~= trail[1].since_ns or not first_is_youngest(trail) then
		return
	elseif trail.stacks then
		give_up(waiter, trail)
	else
		begin(co, source, request, true)
	end
end

local function place_in(trail, source, request)
	local self = core.self()
	for i, hop in ipairs(trail) do
		if hop.address == self and hop.source == source and hop.request == request then
			return i
		end
	end
end

--- A trail comes here, by the call `request` of `source`.
function deadlock.arrive(trail, source, request)
	local co = serve.task_of(source, request)
	if co == nil then
		return
	end
	local place = place_in(trail, source, request)
	if place == 1 then
		close(trail, co, source, request)
	elseif place == nil then
		go_on(trail, co, source, request)
	end
	-- Else a circle that the first of the trail waits for and is no part of: it has its own questions.
end

-- Locks of this service alone, and no call.
local function in_circle_of_locks(co)
	local next_one = co
	for _ = 1, HOPS_MAX do
		local waiter = waits[next_one]
		if not waiter then
			return false
		end
		next_one = waiter.lock.holder
		if next_one == co then
			return true
		end
	end
	return false
end

local function circle_of_locks(first)
	local trail, co = { stacks = true }, first
	repeat
		add_hop(trail, co, { since_ns = waits[co].since_ns })
		co = waits[co].lock.holder
	until co == first
	return trail
end

local function question(co, waiter)
	local request, source = serve.request_of(co)
	if in_circle_of_locks(co) then
		local trail = circle_of_locks(co)
		if first_is_youngest(trail) then
			give_up(waiter, trail)
		end
	elseif request and request ~= 0 then
		begin(co, source, request, false)
	end
end

local function due()
	local list, before_ns = {}, core.hpc() - AGE_NS
	for co, waiter in pairs(waits) do
		if sleeping[waiter] == nil then
			waits[co] = nil -- it was killed
		elseif not waiter.asked and waiter.since_ns <= before_ns and #list < CHASES_MAX then
			list[#list + 1] = waiter
		end
	end
	return list
end

--- Look for those that have waited long enough to ask. Called by skynet/lock.lua, in a task.
function deadlock.patrol()
	for _, waiter in ipairs(due()) do
		if waits[waiter.task] == waiter then
			waiter.asked = true
			question(waiter.task, waiter)
		end
	end
end

return deadlock
