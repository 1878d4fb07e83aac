-- SPDX-License-Identifier: MIT
--
-- The Lua API of a service, by skynet's names. The work is done in skynet/*.lua: task (coroutines),
-- protocol, call (requests made), serve (requests served), life (start and end); this file puts
-- their functions together. What few services use is loaded by its first use, since every service has
-- a copy of what it loads.

local core = require "skynet.core"
local task = require "skynet.task"
local protocol = require "skynet.protocol"
local call = require "skynet.call"
local serve = require "skynet.serve"
local require = require -- LuaJIT's, before the next line replaces it: what ships does not wait while it is loaded
local life = require "skynet.life"

-- What stands here is what most services use: 32 fields would be the next size of the table.
local skynet = {
	_proto = protocol.registry,

	start = life.start,

	send = call.send,
	call = call.call,

	ret = serve.ret,
	retpack = serve.retpack,

	register_protocol = protocol.register,
	dispatch = protocol.dispatch,

	timeout = task.timeout,
	sleep = task.sleep,
	wait = task.wait,
	wakeup = task.wakeup,
	fork = task.fork,

	pack = core.pack,
	unpack = core.unpack,
	tostring = core.tostring,
	self = core.self,
	now = core.now,
	getenv = core.getenv,
	pcall = pcall, -- tasks can yield across it here
}

-- The others become fields when they are first read: skynet/late.lua.
setmetatable(skynet, {
	__index = function(_, name)
		local value = require("skynet.late").find(name)
		if value ~= nil then
			skynet[name] = value
		end
		return value
	end,
	__pairs = function()
		require("skynet.late").fill(skynet)
		return next, skynet, nil
	end,
})

--- Let the other messages of this service go first.
-- @return as sleep
function skynet.yield()
	return task.sleep(0)
end

--- Seconds since 1970, UTC, with a resolution of 1/100 s.
function skynet.time()
	return core.starttime() + core.now() / 100
end

local function on_debug(...)
	return require("skynet.debug").dispatch(...)
end

protocol.register { name = "lua", id = core.PTYPE_LUA, pack = core.pack, unpack = core.unpack }
protocol.register { name = "response", id = core.PTYPE_RESPONSE }
protocol.register { name = "error", id = core.PTYPE_ERROR, unpack = core.tostring, dispatch = call.on_error }
protocol.register {
	name = "debug",
	id = core.PTYPE_DEBUG,
	pack = core.pack,
	unpack = core.unpack,
	dispatch = on_debug,
}
-- Services that forward messages register the system protocol for purposes of their own, hence
-- replaceable.
protocol.register {
	name = "system",
	id = core.PTYPE_SYSTEM,
	unpack = core.tostring,
	dispatch = life.on_system,
	replaceable = true,
}

return skynet
