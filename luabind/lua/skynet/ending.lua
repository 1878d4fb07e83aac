-- SPDX-License-Identifier: MIT
--
-- The end of one service, and the functions that a shutdown runs before. Loaded by the first skynet.onstop, or by the
-- end itself.

local require = require("skynet.require").original -- what ships does not wait while it is loaded
local core = require "skynet.core"
local task = require "skynet.task"
local protocol = require "skynet.protocol"
local call = require "skynet.call"
local life = require "skynet.life"
local peers = require "skynet.peers"
local requests = require "skynet.response"

local abort = require "skynet.abort"
local text_of = require("skynet.failure").text_of
local SUSPEND = require("skynet.pool").SUSPEND

local traceback, live, state = core.traceback, task.live, task.state

local ending = {}

-- The oldest first, the running one last. Before core.exit(), after which this service may be stopped anywhere.
local function close_tasks()
	if not package.loaded.lua54 then
		return -- nobody would notice
	end
	local sessions = {}
	for session, co in pairs(state.waiting) do
		if co ~= task.BREAK then
			sessions[#sessions + 1] = session
		end
	end
	table.sort(sessions)
	for _, session in ipairs(sessions) do
		abort.close(state.waiting[session])
	end
	require("lua54_close").leave()
end

-- Forget everything that was to run in this service, and suspend for ever.
-- Raises an error outside of tasks: nothing else ends the main chunk there.
local function quit()
	live.quitting = true
	state.forks.first, state.forks.last = 1, 0
	state.interrupts.first, state.interrupts.last = 1, 0
	if live.task == nil then
		error("this service has ended itself in its main chunk", 0)
	end
	coroutine.yield(SUSPEND)
end

--- End this service. Does not return. Whoever waits for it is told: requests that it serves or has
-- queued fail, and so do the calls that others would answer to it.
function ending.exit()
	call.send(".launcher", "lua", "REMOVE", core.self(), false)
	requests.refuse_all()
	for peer in pairs(peers.all()) do
		core.send(peer, core.PTYPE_ERROR, 0)
	end
	close_tasks()
	core.exit()
	quit()
end

local stop_functions = {}
local stopping = false

--- Run f in a task when the process is asked to end (SIGTERM), before this service is ended.
-- Functions run in reverse order of their registration; they may wait; an error in one is logged
-- and does not stop the others.
function ending.onstop(f)
	assert(type(f) == "function")
	local system = protocol.registry.system
	if system.dispatch ~= life.on_system then
		error("skynet.onstop needs the system protocol, which this service has replaced", 2)
	end
	system.replaceable = false
	stop_functions[#stop_functions + 1] = f
	if #stop_functions == 1 and not stopping then
		core.stopping(true)
	end
end

local function run_stop_functions()
	while #stop_functions > 0 do
		local ok, err = xpcall(table.remove(stop_functions), traceback)
		if not ok then
			core.error("onstop function failed: " .. text_of(err))
		end
	end
end

--- Handler of the system protocol: the text "TERM" from the runtime starts the stop functions,
-- once.
function ending.on_system(session, _, text)
	if session == 0 and text == "TERM" and not stopping and #stop_functions > 0 then
		stopping = true
		run_stop_functions()
		core.stopped()
	end
end

return ending
