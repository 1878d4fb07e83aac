-- SPDX-License-Identifier: MIT
--
-- Messages that are handled one after the other, each to its end (protocol "queue"). Kept for old
-- services; new ones say skynet.dispatch(..., { serial = true }).

local skynet = require "skynet"
local new_lock = require "skynet.queue"

local mqueue = {}

local handler
local waiting = 0

local function handle(session, ...)
	waiting = waiting - 1
	if session == 0 then
		handler(...)
	else
		skynet.retpack(handler(...))
	end
end

local lock = new_lock()

skynet.register_protocol {
	name = "queue",
	id = skynet.PTYPE_QUEUE,
	pack = skynet.pack,
	unpack = skynet.unpack,
	dispatch = function(session, _, ...)
		assert(handler, "mqueue.register was not called")
		waiting = waiting + 1
		lock(handle, session, ...)
	end,
}

--- Let f(...) handle the messages; what it returns is the answer. Raises an error when that was
-- said before.
function mqueue.register(f)
	assert(handler == nil, "mqueue.register was called before")
	handler = f
end

--- Send a request and wait for its answer. As skynet.call.
function mqueue.call(addr, ...)
	return skynet.call(addr, "queue", ...)
end

--- Send a message. As skynet.send.
function mqueue.send(addr, ...)
	return skynet.send(addr, "queue", ...)
end

--- How many messages wait to be handled.
function mqueue.size()
	return waiting
end

return mqueue
