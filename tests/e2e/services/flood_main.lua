-- SPDX-License-Identifier: MIT
--
-- Eight senders flood the sink, whose handlers wait. Then the sink is opened, and what everybody was told must add up.
-- Prints `bad WHAT` for each claim that does not hold, figures, and DONE.

local skynet = require "skynet"
local sched = require "skynet.sched"
require "skynet.manager"

local POLICY = skynet.getenv "policy"
local EACH = tonumber(skynet.getenv "each")
local MAX, MAX_TASKS = tonumber(skynet.getenv "places"), tonumber(skynet.getenv "tasks")
local ALLOCATED_MAX = tonumber(skynet.getenv "allocated_max")
local SENDERS = 8

local function claim(holds, ...)
	if not holds then
		print("bad " .. table.concat({ ... }, " "))
	end
end

local peak = { mqlen = 0, memory = 0, allocated = 0 }

local function look(sink)
	local info = sched.get(sink)
	peak.mqlen = math.max(peak.mqlen, info.mqlen)
	peak.memory = math.max(peak.memory, info.memory)
	peak.allocated = math.max(peak.allocated, sched.totals().allocated)
	return info
end

-- What all senders were told, added up.
local function told_by(senders)
	local sum = { through = 0 }
	for _, sender in ipairs(senders) do
		for what, n in pairs(skynet.call(sender, "lua", "TOLD")) do
			sum[what] = (sum[what] or 0) + (n == true and 1 or n)
		end
	end
	return sum
end

-- Senders that wait are through as far as they can: nothing changes any more.
local function wait_for_flood(sink, senders)
	local before, still = -1, 0
	repeat
		skynet.sleep(5)
		look(sink)
		local told = told_by(senders)
		still = told.sends == before and still + 1 or 0
		before = told.sends
	until told.through == SENDERS or (POLICY == "block" and still >= 20)
	return before
end

local function wait_for_end(senders)
	local told
	repeat
		skynet.sleep(5)
		told = told_by(senders)
	until told.through == SENDERS and told.ended == told.calls
	return told
end

local function n(told, what)
	return told[what] or 0
end

-- What the policy makes of the sums.
local judge = {}

local function judge_refusal(info, told, seen, refused_sends)
	local refused_calls = n(told, "call call failed: mailbox full")
	claim(seen.sends == told.sends - refused_sends, "sends lost:", seen.sends, told.sends, refused_sends)
	claim(n(told, "call answered") + refused_calls == told.calls, "calls without an answer")
	claim(seen.calls == n(told, "call answered"), "calls lost")
	claim(info.rejected + info.dropped == refused_sends + refused_calls, "refusals that nobody knows of:",
		info.rejected + info.dropped, refused_sends + refused_calls)
	claim(refused_sends > 0 and refused_calls > 0, "no flood")
end

function judge.reject(info, told, seen)
	judge_refusal(info, told, seen, n(told, "send mailbox full"))
	claim(info.dropped == 0, "dropped")
end

function judge.drop_new(info, told, seen)
	judge_refusal(info, told, seen, n(told, "send dropped"))
	claim(info.rejected == 0, "rejected")
end

-- Each send or call that found no place has cost the oldest one its own; of those that were calls the callers know.
function judge.drop_old(info, told, seen)
	local dropped_calls = n(told, "call call failed: mailbox full")
	claim(seen.sends == told.sends - (info.dropped - dropped_calls), "sends lost:", seen.sends, told.sends, info.dropped)
	claim(n(told, "call answered") + dropped_calls == told.calls, "calls without an answer")
	claim(seen.calls == n(told, "call answered"), "calls lost")
	claim(n(told, "send accepted") + n(told, "send dropped") == told.sends, "sends refused")
	claim(n(told, "send dropped") <= info.dropped and info.dropped <= n(told, "send dropped") + told.calls,
		"drops that nobody knows of:", info.dropped, n(told, "send dropped"))
	claim(n(told, "send dropped") > 0, "no flood")
end

function judge.block(info, told, seen)
	claim(seen.sends == told.sends and told.sends == n(told, "send accepted"), "sends lost:", seen.sends, told.sends)
	claim(seen.calls == told.calls and told.calls == n(told, "call answered"), "calls lost:", seen.calls, told.calls)
	claim(info.rejected + info.dropped == 0, "refused")
	claim(info.blocked > 0 and info.blocked_now == 0, "blocked:", info.blocked, info.blocked_now)
end

local function launch_all()
	local sink, senders = skynet.newservice "flood_sink", {}
	for i = 1, SENDERS do
		senders[i] = skynet.newservice "flood_sender"
	end
	return sink, senders
end

local function check_bounds(before)
	-- Answers and timers take no place.
	claim(peak.mqlen <= MAX + 20, "so many in the mailbox:", peak.mqlen)
	claim(peak.memory < 2 * 2 ^ 20, "so much Lua memory:", peak.memory)
	claim(peak.allocated - before < ALLOCATED_MAX, "so much memory:", peak.allocated - before)
end

skynet.start(function()
	local sink, senders = launch_all()
	local before = sched.totals().allocated
	for _, sender in ipairs(senders) do
		skynet.send(sender, "lua", "FLOOD", sink, EACH)
	end
	local sent = wait_for_flood(sink, senders)
	local at_flood = skynet.call(sink, "debug", "INFO", "SEEN")
	claim(POLICY ~= "block" or sent <= MAX + MAX_TASKS + SENDERS, "senders were not held back:", sent)
	check_bounds(before)
	skynet.call(sink, "debug", "INFO", "OPEN")
	local told = wait_for_end(senders)
	local info = look(sink)
	local seen = skynet.call(sink, "debug", "INFO", "SEEN")
	claim(at_flood.most == MAX_TASKS, "tasks at a time:", at_flood.most)
	claim(seen.disorder == 0, "out of order:", seen.disorder)
	claim(info.mqlen == 0, "left in the mailbox:", info.mqlen)
	judge[POLICY](info, told, seen)
	print(string.format("FIGURES %d sent, %d handled, %d rejected, %d dropped, %d waited; at most %d in the mailbox, "
		.. "%d KB of Lua memory, %d KB more in the process", told.sends + told.calls, seen.sends + seen.calls,
		info.rejected, info.dropped, info.blocked, peak.mqlen, peak.memory / 1024,
		(peak.allocated - before) / 1024))
	print "DONE"
	skynet.abort()
end)
