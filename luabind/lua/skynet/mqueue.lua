-- SPDX-License-Identifier: MIT
--
-- Messages that are handled one after the other, each to its end (protocol "queue"). Kept for old
-- services; new ones say skynet.dispatch(..., { serial = true }).

local skynet = require "skynet"
local Lock = require "skynet.lock"

local mqueue = {}

local handler
local count = { waiting = 0 }
local lock = Lock.new(count)

local function handle(session, ...)
	if session == 0 then
		handler(...)
	else
		skynet.retpack(handler(...))
	end
end

local function leave(ok, err)
	lock:leave()
	if not ok then
		error(err, 0)
	end
end

skynet.register_protocol {
	name = "queue",
	id = skynet.PTYPE_QUEUE,
	pack = skynet.pack,
	unpack = skynet.unpack,
	dispatch = function(session, _, ...)
		assert(handler, "mqueue.register was not called")
		lock:enter()
		leave(xpcall(handle, debug.traceback, session, ...))
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
	return count.waiting
end

return mqueue
