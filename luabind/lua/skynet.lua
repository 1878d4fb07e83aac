-- SPDX-License-Identifier: MIT
--
-- The Lua API of a service, by skynet's names. The work is done in skynet/*.lua: task (coroutines),
-- protocol, call (requests made), serve (requests served), life (start and end); this file puts
-- their functions together and adds the small ones. What few services use is loaded by its first
-- use, since every service has a copy of what it loads.

local core = require "skynet.core"
local pool = require "skynet.pool"
local task = require "skynet.task"
local protocol = require "skynet.protocol"
local call = require "skynet.call"
local serve = require "skynet.serve"
local life = require "skynet.life"
local modules = require "skynet.require"

local skynet = { _proto = protocol.registry }

-- Functions that come with a module of their own: name -> module, name in there.
local late = {
	request = { "skynet.request" },
	task = { "skynet.inspect", "task" },
	uniqtask = { "skynet.inspect", "uniqtask" },
	killthread = { "skynet.inspect", "killthread" },
	trace_timeout = { "skynet.inspect", "trace_timeout" },
	trace = { "skynet.trace", "start" },
	tracetag = { "skynet.trace", "tag" },
	tracelog = { "skynet.trace", "log" },
	traceproto = { "skynet.trace", "proto" },
	info_func = { "skynet.debug", "info_func" },
	cache = { "skynet.codecache" },
}

setmetatable(skynet, {
	__index = function(_, name)
		local place = late[name]
		if place then
			local module = require(place[1])
			skynet[name] = place[2] and module[place[2]] or module
			return rawget(skynet, name)
		end
	end,
})

for name, id in pairs(protocol.types) do
	skynet[name] = id
end

skynet.start = life.start
skynet.init = modules.init
skynet.init_service = life.init_service
skynet.exit = life.exit
skynet.onstop = life.onstop

skynet.address = call.address
skynet.send = call.send
skynet.rawsend = call.rawsend
skynet.call = call.call
skynet.calltimeout = call.calltimeout
skynet.rawcall = call.rawcall

skynet.ret = serve.ret
skynet.retpack = serve.retpack
skynet.response = serve.response
skynet.context = serve.context
skynet.ignoreret = serve.ignoreret
skynet.redirect = serve.redirect
skynet.dispatch_message = serve.dispatch_message
skynet.dispatch_unknown_request = serve.dispatch_unknown_request
skynet.dispatch_unknown_response = serve.dispatch_unknown_response

skynet.register_protocol = protocol.register
skynet.dispatch = protocol.dispatch

skynet.timeout = task.timeout
skynet.sleep = task.sleep
skynet.wait = task.wait
skynet.wakeup = task.wakeup
skynet.fork = task.fork
skynet.tasklimit = pool.tasklimit

skynet.pack = core.pack
skynet.packstring = core.packstring
skynet.unpack = core.unpack
skynet.tostring = core.tostring
skynet.trash = core.trash

skynet.self = core.self
skynet.localname = core.query
skynet.genid = core.genid
skynet.now = core.now
skynet.hpc = core.hpc
skynet.starttime = core.starttime
skynet.getenv = core.getenv
skynet.stat = core.stat
skynet.pcall = pcall -- tasks can yield across it here

--- Let the other messages of this service go first.
-- @return as sleep
function skynet.yield()
	return task.sleep(0)
end

--- Run f(...), which may block its thread (a file, a database driver, os.execute), without keeping a worker from the
-- other services: it runs on a thread of its own, and what follows waits for a worker again. Without
-- skynet.blocking that takes `handoff` (2 ms) to happen. The service itself handles no other message meanwhile. Nothing in f may
-- wait (call, sleep, wait, ...) or call skynet.blocking. Computing is what it is not for: after 2 ms of CPU
-- it is preempted as always.
-- @return what f returns; its errors are raised
function skynet.blocking(f, ...)
	return task.blocking(f, ...)
end

--- Seconds since 1970, UTC, with a resolution of 1/100 s.
function skynet.time()
	return core.starttime() + core.now() / 100
end

--- Set a config value. Raises `Can't setenv exist key : k` when there is one already.
function skynet.setenv(key, value)
	core.setenv(key, tostring(value))
end

local function joined(...)
	local n = select("#", ...)
	if n == 1 then
		return tostring((...))
	end
	local words = { ... }
	for i = 1, n do
		words[i] = tostring(words[i])
	end
	return table.concat(words, " ")
end

--- Write one line to the log: the arguments as text, joined by blanks. Always written, whatever
-- `log_level` says.
function skynet.error(...)
	return core.error(joined(...))
end

--- The same with a level: "debug", "info", "warn" or "error", which stands before the text ("info"
-- does not). Not written when the config's `log_level` is above it; then the arguments are not
-- turned into text either.
function skynet.log(level, ...)
	local mark = core.log_mark(level)
	if mark then
		core.error(mark .. joined(...))
	end
end

--- The harbor number of an address and whether it is another node (never: there is one node).
function skynet.harbor(handle)
	return math.floor(handle / 0x1000000), false
end

--- Launch a Lua service and wait until its start function is through. Arguments are joined by
-- blanks. Raises `call failed` when it cannot be started.
-- @return its handle, or nil when it ended by skynet.exit() meanwhile
function skynet.newservice(name, ...)
	return call.patient(".launcher", "lua", "LAUNCH", "snlua", name, ...)
end

--- The handle of the one instance of a service, launched when there is none. A leading `true` asks
-- for one per network. Raises the reason when it cannot be started.
function skynet.uniqueservice(global, ...)
	if global == true then
		return assert(call.patient(".service", "lua", "GLAUNCH", ...))
	end
	return assert(call.patient(".service", "lua", "LAUNCH", global, ...))
end

--- Like uniqueservice, but waits until somebody else has launched it.
function skynet.queryservice(global, ...)
	if global == true then
		return assert(call.patient(".service", "lua", "GQUERY", ...))
	end
	return assert(call.patient(".service", "lua", "QUERY", global, ...))
end

--- Treat a service as dead: all calls to it that wait now fail.
function skynet.term(addr)
	local handle = call.handle_of(addr)
	if handle then
		call.fail_peer(handle)
		serve.forget_caller(handle)
	end
end

--- How many messages wait in this service's mailbox.
function skynet.mqlen()
	return core.stat "mqlen"
end

--- Whether the watchdog has found this service in a long loop since the last time this was asked.
function skynet.endless()
	return core.stat "endless" ~= 0
end

--- Send a request under this trace tag, and log its begin and end; otherwise as rawcall.
function skynet.tracecall(tag, addr, typename, msg, sz)
	skynet.tracelog(tag, "tracecall begin")
	call.send_as(addr, skynet.PTYPE_TRACE, tag)
	local answer, size = call.rawcall(addr, typename, msg, sz)
	skynet.tracelog(tag, "tracecall end")
	return answer, size
end

--- Limit the Lua memory of this service to so many bytes, from now on. Once: the function is gone
-- then, as in skynet. For the option `memlimit` see the config.
function skynet.memlimit(bytes)
	core.memlimit(bytes)
	skynet.memlimit = nil
end

--- require for modules that wait while they load; the global one is the same.
skynet.require = modules.require

local function pass(...)
	return ...
end

-- A caller that ended sends ERROR with session 0 to everybody it waited for. Otherwise the payload
-- is the reason, if there is one.
local function on_error(session, source, msg, sz)
	if session == 0 then
		serve.forget_caller(source)
		call.fail_peer(source)
	else
		local reason = msg and core.tostring(msg, sz)
		call.fail(session, reason ~= "" and reason or nil)
	end
end

local function on_debug(...)
	return require("skynet.debug").dispatch(...)
end

protocol.register { name = "lua", id = skynet.PTYPE_LUA, pack = core.pack, unpack = core.unpack }
protocol.register { name = "response", id = skynet.PTYPE_RESPONSE }
protocol.register { name = "error", id = skynet.PTYPE_ERROR, unpack = pass, dispatch = on_error }
protocol.register {
	name = "debug",
	id = skynet.PTYPE_DEBUG,
	pack = core.pack,
	unpack = core.unpack,
	dispatch = on_debug,
}
-- Services that forward messages register the system protocol for purposes of their own, hence
-- replaceable.
protocol.register {
	name = "system",
	id = skynet.PTYPE_SYSTEM,
	unpack = core.tostring,
	dispatch = life.on_system,
	replaceable = true,
}

return skynet
