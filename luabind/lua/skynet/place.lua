-- SPDX-License-Identifier: MIT
--
-- Sends that wait for a place in the mailbox of their receiver. Loaded by the first that finds it full, with the policy
-- "block".

local require = require("skynet.require").original -- what ships does not wait while it is loaded
local core = require "skynet.core"
local task = require "skynet.task"
local call = require "skynet.call"

local live, running, isyieldable = task.live, coroutine.running, coroutine.isyieldable
local TIMEOUT = require("skynet.deadline").TIMEOUT
local default_cs = core.calltimeout()

local place = {}

--- The mailbox at `addr` is full, and senders wait for a place there. Where nothing can wait (the main chunk, a coroutine
-- of the user's own, a callback of a C function) the message does not get in.
-- @return as skynet.send
function place.wait(addr, source, id, session, msg, sz)
	if live.task == nil or running() ~= live.task or not isyieldable() then
		core.trash(msg, sz)
		return false, "mailbox full"
	end
	local sent, ticket = core.enqueue(addr, source, id, session, msg, sz)
	if ticket == nil then
		return sent
	end
	local ok, why, _, taken_back = call.await_from(default_cs, addr, ticket)
	if taken_back then
		return false, TIMEOUT
	elseif ok or why == TIMEOUT then
		return sent
	end
	return nil
end

return place
