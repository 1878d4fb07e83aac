-- SPDX-License-Identifier: MIT
--
-- A debugger inside of a service that runs: the debug command REMOTEDEBUG begins it, and the service debug_agent is
-- its other end. Commands come through a channel (skynet.debugchannel) and are carried out by the dispatcher, before
-- each message; a timer sees to it that there is one. So the service goes on while it is debugged.
--
--   any Lua code             is run with the service's globals; the values of an expression are shown
--   watch(protocol [, cond]) stops the next message of that protocol, or the next for which cond(session, source, ...)
--                            is true, at the first line of its handler. Then:
--   s, n                     go on to the next line; n does not go into functions
--   c                        goes on to the end of the handler
--   any Lua code             is run as if it stood at that line (skynet/injectcode.lua)
--   cont                     ends the debugger; what it had stopped goes on
--
-- To stop is to yield from a line hook, so only the task of the handler stops; lines that run below a C function (a
-- comparator of table.sort) or in another coroutine cannot stop. Compiled code runs no hooks: the compiler is off
-- while there is a hook.

local skynet = require "skynet"
local core = require "skynet.core"
local task = require "skynet.task"
local channels = require "skynet.debugchannel"
local inject = require "skynet.injectcode"

local getinfo, sethook = debug.getinfo, channels.sethook

local POLL_CS = 10
local LIBRARY = "@luabind/lua/" -- no place to stop at

local debugger = {}

-- The one there is, or nil: { channel =, send = f(text), responder =, prompt =, shown = whether it is on the screen,
-- watched = protocol -> its handler, stop = the task that is watched or nil: { co =, depth, line = where it stood
-- still last, waiting = whether it does, over = depth that `n` does not go below, compiler = whether that was on } }
local session

local function set_prompt(text)
	session.prompt, session.shown = text, false
end

local function own_prompt()
	set_prompt(string.format(":%08x>", core.self()))
end

local function print_there(...)
	local words = { ... }
	for i = 1, select("#", ...) do
		words[i] = tostring(words[i])
	end
	session.send(table.concat(words, "\t") .. "\n")
end

-- ---- stopping ----

-- How many functions the coroutine that runs is in, from the one at `level` of the caller's stack on.
local function depth_from(level)
	local below, above = level, level + 1 -- is there; perhaps not
	while getinfo(above, "l") do
		below, above = above, above * 2
	end
	while above - below > 1 do
		local middle = math.floor((below + above) / 2)
		if getinfo(middle, "l") then
			below = middle
		else
			above = middle
		end
	end
	return below
end

-- The hook of the task that is watched: true makes it yield.
local function on_line(_, line)
	local stop = session and session.stop
	local info = getinfo(2, "S")
	if stop == nil or info.source:sub(1, #LIBRARY) == LIBRARY then
		return false
	end
	local depth = depth_from(2)
	if stop.over and depth > stop.over then
		return false
	elseif stop.depth == depth and stop.line == line then
		return false -- the rest of the line: to LuaJIT each instruction behind a yield begins one
	end
	stop.depth, stop.line, stop.waiting = depth, line, true
	set_prompt(string.format("%s(%d)>", info.short_src, line))
	return true
end

local function begin_stop()
	local stop = { co = coroutine.running(), waiting = false, compiler = jit.status() }
	session.stop = stop
	if stop.compiler then
		jit.off()
		jit.flush()
	end
	sethook(stop.co, on_line, "l")
end

-- The task has ended, or is not to be stopped any more.
local function end_stop()
	local stop = session.stop
	session.stop = nil
	sethook(stop.co)
	if stop.compiler then
		jit.on()
	end
	own_prompt()
end

local function end_if_mine(stop, ...)
	if session and session.stop == stop then
		end_stop()
	end
	return ...
end

local function wanted(cond, ...)
	if cond == nil then
		return true
	end
	local ok, result = pcall(cond, ...)
	if not ok then
		print_there(result)
	end
	return ok and result
end

-- Global in the debugger: see the top.
local function watch(name, cond)
	local p = skynet._proto[name]
	if p == nil then
		return "No " .. tostring(name)
	end
	local mine = session
	local handler = mine.watched[p] or p.dispatch
	if handler == nil then
		return "No dispatch"
	end
	mine.watched[p] = handler
	p.dispatch = function(...)
		if session ~= mine or mine.stop or not wanted(cond, ...) then
			return handler(...)
		end
		p.dispatch, mine.watched[p] = handler, nil
		begin_stop()
		return end_if_mine(mine.stop, handler(...))
	end
end

-- ---- commands ----

-- Go on with the task that stands still.
local function continue(stop)
	stop.waiting = false
	local err = task.drain(task.step(stop.co))
	if session and session.stop == stop and not stop.waiting then
		own_prompt() -- it waits for something
	end
	return err
end

local step = {}

function step.s(stop)
	stop.over = nil
	return continue(stop)
end

function step.n(stop)
	stop.over = stop.depth
	return continue(stop)
end

function step.c(stop)
	end_stop()
	return continue(stop)
end

local function show(ok, ...)
	if not ok or select("#", ...) > 0 then
		print_there(...)
	end
end

local function run_at_rest(code)
	local chunk, err = loadstring(code, "=(debug)")
	if chunk == nil then
		return false, err
	end
	local env = { print = print_there, watch = watch }
	return pcall(setfenv(chunk, setmetatable(env, { __index = _G, __newindex = _G })))
end

-- An expression, or statements.
local function run_code(code, stop)
	if loadstring("return " .. code) then
		code = "return " .. code
	end
	if stop and stop.waiting then
		show(inject(code, stop.co, 0, { print = print_there, _CO = stop.co }))
	else
		show(run_at_rest(code))
	end
end

local function run_command(line)
	local stop = session.stop
	session.shown = false
	if stop and stop.waiting and step[line] then
		return step[line](stop)
	elseif line ~= "" then
		run_code(line, stop)
	end
end

local function leave()
	local ended, stop = session, session.stop
	if stop then
		end_stop()
	end
	for p, handler in pairs(ended.watched) do
		p.dispatch = handler
	end
	session, task.live.debugger = nil, nil
	channels.release(ended.channel)
	skynet.error "Leave debug mode"
	ended.responder(true)
	return stop and stop.waiting and continue(stop) or nil
end

-- What the dispatcher calls before each message. Carries out what has come.
-- @return the errors of tasks that ran meanwhile, or nil
local function pump()
	local errors
	while session do
		-- A task that died by an error has noticed no end.
		if session.stop and coroutine.status(session.stop.co) == "dead" then
			end_stop()
		end
		if not session.shown then
			session.shown = true
			session.send(session.prompt)
		end
		local line, closed = session.channel:read()
		if line == nil and not closed then
			break
		end
		local err = nil
		if closed or line == "cont" then
			err = leave()
		else
			err = run_command(line)
		end
		errors = err and (errors and errors .. "\n" .. err or err) or errors
	end
	return errors
end

-- ---- beginning ----

local function poll(mine)
	if session == mine then
		skynet.timeout(POLL_CS, function()
			poll(mine)
		end)
	end
end

-- Where output goes: a socket, or a service by its address string, which gets it in messages of type text.
local function sender_to(sink)
	if type(sink) == "number" then
		local driver = require "skynet.socketdriver"
		return function(text)
			driver.send(sink, text)
		end
	end
	return function(text)
		core.send(sink, skynet.PTYPE_TEXT, 0, text)
	end
end

--- Begin to debug this service; the current request is answered when it is over. Raises `Already in debug mode`.
-- @param sink where output goes: the number of a socket, or the address of a service as a string, which gets text
-- messages
-- @param number of a skynet.debugchannel, through which the commands come
function debugger.start(sink, number)
	assert(session == nil, "Already in debug mode")
	local send = sender_to(sink)
	skynet.error "Enter debug mode"
	local channel = channels.connect(number)
	session = { channel = channel, send = send, responder = skynet.response(), watched = {} }
	own_prompt()
	task.live.debugger = pump
	poll(session)
	skynet.yield() -- the first prompt does not wait for the timer
end

return debugger
