-- SPDX-License-Identifier: MIT
--
-- The life of one service: its start, the functions that a shutdown runs, and its end.

local core = require "skynet.core"
local task = require "skynet.task"
local protocol = require "skynet.protocol"
local call = require "skynet.call"
local serve = require "skynet.serve"
local modules = require "skynet.require"

local traceback = debug.traceback
local live = task.live

local life = {}

local stop_functions = {}
local stopping = false
local init_thread

local function run_init(start)
	modules.init_all()
	start()
end

--- Run the init functions and then `start` in the current task, and tell the launcher how it went:
-- LAUNCHOK, or ERROR with the first line of the reason, after which the service ends.
function life.init_service(start)
	local ok, err = xpcall(run_init, traceback, start)
	if ok then
		call.send(".launcher", "lua", "LAUNCHOK")
		return
	end
	err = task.text_of(err)
	core.error("init service failed: " .. err)
	call.send(".launcher", "lua", "ERROR", err:match("^[^\n]*"))
	life.exit()
end

--- Begin to receive messages and run `start` as the first task. To be called once, in the main
-- chunk.
function life.start(start)
	core.callback(serve.dispatch_message)
	init_thread = task.timeout(0, function()
		life.init_service(start)
		init_thread = nil
	end)
end

--- The task that runs the start function, or nil when it is through.
function life.init_thread()
	return init_thread
end

--- End this service. Does not return. Whoever waits for it is told: requests that it serves or has
-- queued fail, and so do the calls that others would answer to it.
function life.exit()
	call.send(".launcher", "lua", "REMOVE", core.self(), false)
	serve.refuse_all()
	for peer in pairs(call.peers()) do
		core.send(peer, protocol.types.PTYPE_ERROR, 0)
	end
	core.exit()
	task.quit()
end

--- Run f in a task when the process is asked to end (SIGTERM), before this service is ended.
-- Functions run in reverse order of their registration; they may wait; an error in one is logged
-- and does not stop the others.
function life.onstop(f)
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
			core.error("onstop function failed: " .. task.text_of(err))
		end
	end
end

--- Handler of the system protocol: the text "TERM" from the runtime starts the stop functions,
-- once.
function life.on_system(session, _, text)
	if session == 0 and text == "TERM" and not stopping and #stop_functions > 0 then
		stopping = true
		run_stop_functions()
		core.stopped()
	end
end

return life
