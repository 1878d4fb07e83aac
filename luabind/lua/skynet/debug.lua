-- SPDX-License-Identifier: MIT
--
-- The debug protocol: questions that every service answers without its author's doing. Loaded with
-- the first one.

local skynet = require "skynet"
local core = require "skynet.core"
local pool = require "skynet.pool"

local debug_api = {}
local command = {}
local added = {} -- by reg_debugcmd
local links = {}
local info_function

function command.PING()
	skynet.ret()
end

function command.MEM()
	skynet.retpack(collectgarbage "count")
end

-- The coroutines that wait for the next tasks are garbage now, too. The answer is the memory in KB
-- after; skynet gives none.
function command.GC()
	pool.keep(0)
	local before, begin = collectgarbage "count", core.hpc()
	collectgarbage "collect"
	local after, took_ns = collectgarbage "count", core.hpc() - begin
	local text = "GC %.2f Kb -> %.2f Kb, cost %.2f sec"
	skynet.error(string.format(text, before, after, took_ns / 1e9))
	skynet.retpack(after)
end

function command.STAT()
	skynet.retpack {
		task = skynet.task(),
		mqlen = skynet.stat "mqlen",
		cpu = skynet.stat "cpu",
		message = skynet.stat "message",
	}
end

function command.TASK(session)
	if session then
		skynet.retpack(skynet.task(session))
	else
		local tasks = {}
		skynet.task(tasks)
		skynet.retpack(tasks)
	end
end

function command.UNIQTASK()
	skynet.retpack(skynet.uniqtask())
end

--- (coroutine as tostring shows it, or a part of that)
function command.KILLTASK(thread)
	local co = skynet.killthread(thread)
	if co then
		skynet.error(string.format("Kill %s", tostring(co)))
		skynet.ret()
	else
		skynet.error(string.format("Kill %s : Not found", thread))
		skynet.retpack "Not found"
	end
end

--- (source, file name, args...): see skynet/inject.lua. The answer is whether it ran, and its output.
function command.RUN(source, filename, ...)
	local ok, output = require "skynet.inject"(skynet, source, filename, { ... })
	collectgarbage "collect"
	skynet.retpack(ok, table.concat(output, "\n"))
end

--- (where output goes, number of a channel): see skynet/remotedebug.lua. Answered when the debugger has ended.
function command.REMOTEDEBUG(sink, channel)
	require("skynet.remotedebug").start(sink, channel)
end

--- (protocol) -> whether this service has a handler for it
function command.SUPPORT(name)
	skynet.retpack(skynet.dispatch(name) ~= nil)
end

--- ([protocol,] boolean): trace the requests of a protocol (lua)
function command.TRACELOG(name, flag)
	if type(name) ~= "string" then
		name, flag = "lua", name
	end
	skynet.error(string.format("Turn trace log %s for %s", tostring(flag), name))
	skynet.traceproto(name, flag)
	skynet.ret()
end

--- From skynet/deadlock.lua of another service. Not answered.
function command.CHASE(...)
	require("skynet.deadlock").arrive(...)
end

function command.INFO(...)
	if info_function then
		skynet.retpack(info_function(...))
	else
		skynet.retpack(nil)
	end
end

function command.EXIT()
	skynet.exit()
end

function command.TERM(service)
	skynet.term(service)
	skynet.ret()
end

-- Never answered: the caller learns of this service's end by the error.
function command.LINK()
	links[#links + 1] = skynet.response()
end

--- Handler of the debug protocol. Raises an error for a command that does not exist.
function debug_api.dispatch(_, _, cmd, ...)
	local f = command[cmd] or added[cmd]
	if f == nil then
		error("Invalid debug command " .. tostring(cmd))
	end
	f(...)
end

--- Add the debug command `name`, answered by f(...); in the place of the one of that name that was added before. Those above go
-- before it, as in skynet.
function debug_api.reg_debugcmd(name, f)
	added[name] = f
end

--- Let f(...) answer the INFO command.
function debug_api.info_func(f)
	info_function = f
end

return debug_api
