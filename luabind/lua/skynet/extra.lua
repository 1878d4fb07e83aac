-- SPDX-License-Identifier: MIT
--
-- Small functions of `skynet` that few services use. skynet.lua finds them here by skynet/late.lua.

local require = require("skynet.require").original -- what ships does not wait while it is loaded
local core = require "skynet.core"
local task = require "skynet.task"
local call = require "skynet.call"

local live = task.live

local extra = {}

local function end_blocking(co, ok, ...)
	live.task, live.blocking = co, false
	if not ok then
		error((...), 0)
	end
	return ...
end

--- Run f(...), which may block its thread (a file, a database driver, os.execute), without keeping a worker from the
-- other services: it runs on a thread of its own, and what follows waits for a worker again. Without
-- skynet.blocking that takes `handoff` (2 ms) to happen. The service itself handles no other message meanwhile. Nothing in f may
-- wait (call, sleep, wait, ...) or call skynet.blocking. Computing is what it is not for: after 2 ms of CPU
-- it is preempted as always.
-- @return what f returns; its errors are raised
function extra.blocking(f, ...)
	if live.blocking then
		error("skynet.blocking inside skynet.blocking", 2)
	end
	local co = live.task
	live.task, live.blocking = nil, true
	return end_blocking(co, pcall(core.blocking, f, ...))
end

--- Set a config value. Raises `Can't setenv exist key : k` when there is one already, and an error for nil.
function extra.setenv(key, value)
	if value == nil then
		error("no value for " .. tostring(key), 2)
	end
	core.setenv(key, tostring(value))
end

--- The harbor number of an address and whether it is another node (never: there is one node).
function extra.harbor(handle)
	return math.floor(handle / 0x1000000), false
end

--- Treat a service as dead: all calls to it that wait now fail.
function extra.term(addr)
	local handle = call.handle_of(addr)
	if handle then
		require("skynet.peers").caller_ended(handle)
	end
end

--- How many messages wait in this service's mailbox.
function extra.mqlen()
	return core.stat "mqlen"
end

--- Whether the watchdog has found this service in a long loop since the last time this was asked.
function extra.endless()
	return core.stat "endless" ~= 0
end

--- Send a request under this trace tag, and log its begin and end; otherwise as rawcall.
function extra.tracecall(tag, addr, typename, msg, sz)
	local trace, raw = require "skynet.trace", require "skynet.raw"
	trace.log(tag, "tracecall begin")
	raw.send_as(addr, core.PTYPE_TRACE, tag)
	local answer, size = raw.rawcall(addr, typename, msg, sz)
	trace.log(tag, "tracecall end")
	return answer, size
end

--- Limit the Lua memory of this service to so many bytes, from now on. Once: the function is gone
-- then, as in skynet. For the option `memlimit` see the config.
function extra.memlimit(bytes)
	core.memlimit(bytes)
	extra.memlimit, require("skynet").memlimit = nil, nil
end

return extra
