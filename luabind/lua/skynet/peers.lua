-- SPDX-License-Identifier: MIT
--
-- Those whom this service has asked and who have not answered yet. Loaded when one of them dies, or when it ends itself.

local task = require "skynet.task"
local pending = require("skynet.call").pending

local live = task.live

local peers = {}

--- Make all calls to `handle` fail, the oldest first.
function peers.fail(handle)
	local sessions = {}
	for session, peer in pairs(pending) do
		if peer == handle then
			sessions[#sessions + 1] = session
		end
	end
	table.sort(sessions)
	for _, session in ipairs(sessions) do
		task.fail(session)
	end
end

--- The service at `handle` has ended.
function peers.caller_ended(handle)
	if live.responders then
		live.responders.forget(handle)
	end
	peers.fail(handle)
end

--- The handles of all services that owe this one an answer, as a set.
function peers.all()
	local set = {}
	for _, peer in pairs(pending) do
		set[peer] = peer and true or nil -- false: see call.lua
	end
	return set
end

return peers
