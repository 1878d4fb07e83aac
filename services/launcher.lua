-- SPDX-License-Identifier: MIT
--
-- The launcher (".launcher"): creates services on request, answers when their start is through, and
-- keeps the list of those it created.

local skynet = require "skynet"
local core = require "skynet.core"
local call = require "skynet.call"
require "skynet.manager"

local SWEEP_CS = 100
local ASK_ALL_CS = 300

local services = {} -- handle -> "snlua name args"
local starting = {} -- handle -> responder to whoever asked for the launch
local failure = {} -- the last launch that failed: line, reason
local monitors = {} -- handles that are told of every end
local sweeping = false

local command = {}
local NO_RETURN = {}

local function forget(handle)
	services[handle] = nil
	starting[handle] = nil
end

local function fail_start(handle, reason)
	local responder = starting[handle]
	if responder then
		failure = { line = services[handle], reason = reason }
		responder(false, reason)
	end
	forget(handle)
end

-- A service can end during its start without a word (killed by the watchdog). Dead twice in a row:
-- had it sent a last message, that would have arrived in between.
local function sweep()
	local suspects = {}
	while next(starting) do
		skynet.sleep(SWEEP_CS)
		for handle in pairs(starting) do
			if core.alive(handle) then
				suspects[handle] = nil
			elseif suspects[handle] then
				fail_start(handle, "it was killed while it started")
			else
				suspects[handle] = true
			end
		end
	end
	sweeping = false
end

--- Create a service; the answer (its handle) is sent when it reports that its start is through.
function command.LAUNCH(_, kind, ...)
	local line = table.concat({ kind, ... }, " ")
	local responder = skynet.response()
	local handle, why = core.launch(line)
	if handle == nil then
		failure = { line = line, reason = why or "it cannot be created" }
		responder(false, failure.reason)
		return NO_RETURN
	end
	services[handle] = line
	starting[handle] = responder
	if not sweeping then
		sweeping = true
		skynet.fork(sweep)
	end
	return NO_RETURN
end

-- Message logs belong to the console; a launch with one is a launch.
command.LOGLAUNCH = command.LAUNCH

--- From a service whose start is through.
function command.LAUNCHOK(handle)
	local responder = starting[handle]
	if responder then
		starting[handle] = nil
		responder(true, handle)
	end
	return NO_RETURN
end

--- From a service whose start failed.
function command.ERROR(handle, reason)
	fail_start(handle, reason)
	return NO_RETURN
end

--- From a service that ends by itself, or (killed) from whoever ends it.
function command.REMOVE(_, handle, killed)
	if killed then
		fail_start(handle, "it was killed while it started")
	elseif starting[handle] then
		starting[handle](true)
	end
	forget(handle)
	for monitor in pairs(monitors) do
		if core.redirect(monitor, handle, skynet.PTYPE_CLIENT, 0, "") == nil then
			monitors[monitor] = nil
		end
	end
	return NO_RETURN
end

--- Why the launch of this line failed, when it was the last one that did.
function command.REASON(_, line)
	return failure.line == line and failure.reason or nil
end

--- Tell the service `handle` about every end from now on.
function command.MONITOR(_, handle)
	monitors[handle] = true
end

local function living()
	local list = {}
	for handle, line in pairs(services) do
		if core.alive(handle) then
			list[handle] = line
		elseif not starting[handle] then
			services[handle] = nil
		end
	end
	return list
end

--- All services: address -> line.
function command.LIST()
	local list = {}
	for handle, line in pairs(living()) do
		list[skynet.address(handle)] = line
	end
	return list
end

-- Ask one service; the answer or the word for its absence goes to result, and the asker is woken
-- after the last one.
local function ask(round, handle, ...)
	local ok, answer = pcall(skynet.call, handle, "debug", ...)
	local address = skynet.address(handle)
	round.result[address] = ok and round.format(handle, answer) or not ok and "ERROR" or nil
	round.left = round.left - 1
	if round.left == 0 then
		skynet.wakeup(round)
	end
end

-- Ask every service the same at once and wait for at most `cs` centiseconds (0 or less: for all of
-- them).
local function ask_all(cs, format, ...)
	local round = { result = {}, left = 0, format = format }
	for handle in pairs(living()) do
		round.left = round.left + 1
		round.result[skynet.address(handle)] = "TIMEOUT"
		skynet.fork(ask, round, handle, ...)
	end
	if round.left > 0 then
		cs = tonumber(cs) or ASK_ALL_CS
		if cs > 0 then
			skynet.sleep(cs, round)
		else
			skynet.wait(round)
		end
	end
	return round.result
end

local function as_it_is(_, answer)
	return answer
end

local function as_memory(handle, kb)
	return string.format("%.2f Kb (%s)", kb, services[handle] or "")
end

--- address -> cpu, message, mqlen, task of every service.
function command.STAT(_, cs)
	return ask_all(cs, as_it_is, "STAT")
end

--- address -> memory of every service's VM.
function command.MEM(_, cs)
	return ask_all(cs, as_memory, "MEM")
end

--- A full collection in every service, then as MEM.
function command.GC(_, cs)
	ask_all(cs, as_memory, "GC")
	return command.MEM(nil, cs)
end

--- End a service, given by handle or address string.
-- @return address -> line of the killed one
function command.KILL(_, addr)
	local handle = call.handle_of(addr)
	local killed = { [skynet.address(handle or addr)] = services[handle or 0] or "?" }
	skynet.kill(addr)
	return killed
end

local function reply(session, result, ...)
	if result ~= NO_RETURN and session ~= 0 then
		skynet.retpack(result, ...)
	end
end

-- The runtime itself reports by text: "LAUNCHOK", or "ERROR reason" when the main chunk of a
-- service failed.
skynet.register_protocol {
	name = "text",
	id = skynet.PTYPE_TEXT,
	unpack = skynet.tostring,
	dispatch = function(_, source, text)
		local word, rest = text:match("^(%S+)%s*(.*)$")
		if word == "LAUNCHOK" then
			command.LAUNCHOK(source)
		elseif word == "ERROR" then
			local reason = rest ~= "" and rest or "its main chunk failed, see the log"
			command.ERROR(source, reason)
		else
			error("Invalid text command " .. text)
		end
	end,
}

skynet.dispatch("lua", function(session, source, cmd, ...)
	local f = command[string.upper(cmd)]
	if f then
		reply(session, f(source, ...))
	elseif session ~= 0 then
		skynet.retpack { "Unknown command" }
	end
end)

skynet.start(function()
end)
