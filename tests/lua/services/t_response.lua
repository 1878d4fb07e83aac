-- SPDX-License-Identifier: MIT
-- Responders, ignoreret, and answers from elsewhere.

local skynet = require "skynet"
local check = dofile(SERVICE_PATH .. "check.lua")

local command = {}
local kept

function command.KEEP()
	kept = skynet.response()
end

function command.PACKER()
	local responder = skynet.response(function(value)
		return skynet.pack("packed by us", value)
	end)
	responder(true, 1)
end

function command.IGNORE()
	skynet.ignoreret()
	local session, source = command.session, command.source
	skynet.timeout(1, function()
		skynet.redirect(source, skynet.self(), "response", session, skynet.pack "by hand")
	end)
end

function command.BAD_PACK()
	local responder = skynet.response()
	check.raises("serialize", "a responder that cannot pack", responder, true, print)
	check.eq(responder(false), true, "can still refuse")
end

function command.TOO_DEEP()
	local t = {}
	local inner = t
	for _ = 1, 40 do
		inner.t = {}
		inner = inner.t
	end
	skynet.retpack(t)
end

local function kept_responder()
	local me = skynet.self()
	local outcome
	skynet.fork(function()
		outcome = skynet.call(me, "lua", "KEEP")
	end)
	check.soon(function()
		return kept
	end, "a request is kept")
	check.eq(kept "TEST", true, "the caller waits")
	check.eq(kept(true, "kept"), true, "the answer is sent")
	check.soon(function()
		return outcome == "kept"
	end, "and arrives")
	check.raises("Can't response more than once", "a second use", kept, true)
	check.eq(kept "TEST", false, "the caller does not wait any more")
end

local function dead_caller()
	local peer = skynet.newservice "peer"
	kept = nil
	skynet.send(peer, "lua", "CALL", skynet.self(), "KEEP")
	check.soon(function()
		return kept
	end, "another request is kept")
	check.eq(kept "TEST", true, "the other caller waits")
	skynet.send(peer, "lua", "EXIT")
	check.soon(function()
		return not kept "TEST"
	end, "a dead caller does not")
	check.eq(kept(true, 1), false, "and gets no answer")
end

check.run(function()
	skynet.dispatch("lua", function(session, source, cmd, ...)
		command.session, command.source = session, source
		command[cmd](...)
	end)
	local me = skynet.self()
	local peer = skynet.newservice "peer"
	check.eq(skynet.call(peer, "lua", "LATER", 1), "later", "an answer from a timer")
	check.raises("call failed", "a refusal from a timer", skynet.call, peer, "lua", "LATER_FAIL", 1)
	check.raises("call failed", "a responder that is dropped", skynet.call, peer, "lua", "DROP")
	kept_responder()
	dead_caller()
	check.eq(skynet.call(me, "lua", "PACKER"), "packed by us", "a packer of one's own")
	check.eq(skynet.call(me, "lua", "IGNORE"), "by hand", "ignoreret and an answer by hand")
	check.raises("call failed", "a refusal after a failed pack", skynet.call, me, "lua", "BAD_PACK")
	check.raises("call failed", "an answer that is too deep", skynet.call, me, "lua", "TOO_DEEP")
	skynet.send(me, "lua", "KEEP")
	skynet.yield()
	check.eq(select("#", kept(true, 1)), 0, "the responder of a send does nothing")
	check.eq(select("#", kept(true, 1)), 0, "any number of times")
	check.raises("No session", "response outside of a request", skynet.response)
end)
