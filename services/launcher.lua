-- SPDX-License-Identifier: MIT
--
-- The launcher (".launcher"): creates services on request, answers when their start is through, keeps
-- the list of those it created, and starts those again that the watchdog has killed, if their entry in the
-- config says so (`restart`).

local skynet = require "skynet"
local core = require "skynet.core"
local call = require "skynet.call"
require "skynet.manager"

local SWEEP_CS = 100
local ASK_ALL_CS = 300

local services = {} -- handle -> "snlua name args"
local starting = {} -- handle -> responder to whoever asked for the launch
local failure = {} -- the last launch that failed: line, reason
local revived = {} -- handle -> { times, names, policy }: the restarts that led to it
local monitors = {} -- handles that are told of every end
local sweeping = false

local command = {}
local NO_RETURN = {}

local function forget(handle)
	services[handle] = nil
	starting[handle] = nil
	revived[handle] = nil
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

local function watch_starting()
	if not sweeping then
		sweeping = true
		skynet.fork(sweep)
	end
end

-- The launch line of a kind ("snlua"), a name and arguments, or nil and what is wrong with them.
local function line_of(...)
	local words, count = { ... }, select("#", ...)
	while count > 0 and words[count] == nil do
		count = count - 1
	end
	if count < 2 then
		return nil, "no service name given"
	end
	for i = 1, count do
		local is = type(words[i])
		if is ~= "string" and is ~= "number" then
			local which = i > 2 and "argument " .. i - 2 or "the name"
			return nil, string.format("%s of a service is text or a number, not a %s", which, is)
		end
	end
	return table.concat(words, " ", 1, count)
end

--- Create a service; the answer (its handle) is sent when it reports that its start is through.
function command.LAUNCH(_, ...)
	local responder = skynet.response()
	local line, why = line_of(...)
	local handle
	if line then
		handle, why = core.launch(line)
	end
	if handle == nil then
		failure = { line = line, reason = why or "it cannot be created" }
		responder(false, failure.reason)
		return NO_RETURN
	end
	services[handle] = line
	starting[handle] = responder
	watch_starting()
	return NO_RETURN
end

-- Restarts. A life is all that one launch has led to: the service, and those that took its place. It has
-- `line`, `name`, `names` (of the runtime), the policy `max`, `within` and `backoff` (seconds), and `times`,
-- when it was started again lately.

local revive

-- Unique services are asked for by name meanwhile: the manager makes those who ask wait, and says false if it has
-- launched another one already.
local function ask_manager(...)
	local ok, answer = pcall(skynet.call, ".service", "lua", ...)
	return not ok or answer ~= false
end

local function say(life, handle, is_error, ...)
	core.say_restart(life.name, handle, string.format(...), is_error)
end

local function give_up(life, why)
	say(life, life.handle, true, "not restarted any more: %s", why)
	ask_manager("REVIVED", life.handle)
end

local function drop_old(times, since)
	while times[1] and times[1] < since do
		table.remove(times, 1)
	end
end

-- The start is through: the names go over to the one that took the place.
local function is_back(life, handle)
	for _, name in ipairs(life.names) do
		core.register("." .. name, handle)
	end
	say(life, handle, false, "runs again, in the place of %s", skynet.address(life.handle))
	ask_manager("REVIVED", life.handle, handle)
	life.handle = handle
end

local function launch_again(life)
	local handle, why = core.launch(life.line)
	if handle == nil then
		give_up(life, why or "it cannot be created")
		return
	end
	services[handle] = life.line
	revived[handle] = life
	life.count = life.count + 1
	core.restarts(handle, life.count)
	starting[handle] = function(ok, result)
		if ok and result then
			skynet.fork(is_back, life, handle)
		elseif ok then
			ask_manager("REVIVED", life.handle) -- it has ended by itself
		else
			skynet.fork(revive, life, "its start failed: " .. tostring(result))
		end
	end
	watch_starting()
end

-- Start it again, if its policy has one left. A start that fails is one of them.
revive = function(life, why)
	local now = skynet.hpc() / 1e9
	drop_old(life.times, now - life.within)
	if #life.times >= life.max then
		give_up(life, string.format("%d restarts within %g s (%s)", life.max, life.within, why))
		return
	end
	local delay = life.backoff * 2 ^ #life.times
	life.times[#life.times + 1] = now + delay
	say(life, life.handle, true, "%s; it is started again in %g s (%d of %d within %g s)", why, delay, #life.times,
		life.max, life.within)
	skynet.timeout(delay * 100, function()
		launch_again(life)
	end)
end

-- From the runtime: the watchdog has killed this service.
local function on_killed(handle, text)
	local max, within, backoff, name, names = text:match "^(%d+) (%d+) (%d+) (%C*)\n(.*)$"
	local line, life = services[handle], revived[handle]
	local was_starting = starting[handle] ~= nil
	command.REMOVE(handle, handle, true)
	if max == "0" or (was_starting and life) then
		return -- in the place of another it was a start that failed, of which revive was told
	end
	life = life or { times = {}, count = 0 }
	life.line, life.name, life.handle = line, name, handle
	if was_starting or line == nil then
		say(life, handle, true, "not restarted: %s", was_starting
			and "it was in its first start, and whoever launched it was told" or "the launcher has not launched it")
		return
	end
	life.max, life.within, life.backoff = tonumber(max), within / 1000, backoff / 1000
	life.names = {}
	for own in names:gmatch "([^\n]+)\n" do
		life.names[#life.names + 1] = own
	end
	if ask_manager("REVIVING", handle) then
		revive(life, "it was killed by the watchdog")
	else
		say(life, handle, false, "not restarted: another one was launched meanwhile")
	end
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

-- The runtime itself reports by text: "LAUNCHOK", "ERROR reason" when the main chunk of a service
-- failed, or "KILLED policy names" when the watchdog has killed one.
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
		elseif word == "KILLED" then
			on_killed(source, rest)
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
