-- SPDX-License-Identifier: MIT
--
-- The life of one service: its start. For its end see skynet/ending.lua.

local core = require "skynet.core"
local task = require "skynet.task"
local call = require "skynet.call"
local serve = require "skynet.serve"
local modules = require "skynet.require"

local traceback = core.traceback
local require = modules.original

local life = {}

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
	collectgarbage() -- after `not enough memory` there may be none left to tell it
	require("skynet.failure").of_start(err)
end

--- Begin to receive messages and run `start` as the first task. To be called once, in the main
-- chunk.
function life.start(start)
	core.callback(serve.dispatch_message)
	--- The task that runs the start function, nil when it is through.
	life.init_thread = task.timeout(0, function()
		life.init_service(start)
		life.init_thread = nil
	end)
end

--- Handler of the system protocol; a function of its own, by which skynet.onstop knows that nobody has replaced it.
function life.on_system(...)
	return require("skynet.ending").on_system(...)
end

return life
