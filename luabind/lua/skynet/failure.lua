-- SPDX-License-Identifier: MIT
--
-- What is said of what has failed. Loaded when something does.

local require = require("skynet.require").original -- what ships does not wait while it is loaded
local core = require "skynet.core"

local failure = {}

--- What to tell of an error that was caught: its text; of an interrupt, which comes as another one, its own with
-- the traceback.
function failure.text_of(err)
	local interrupted, place = core.raised(err)
	if interrupted then
		return interrupted .. "\nstack traceback:\n" .. place
	end
	return tostring(err)
end

--- Raises what a call raises when its request could not be sent: `session` is what the runtime said (nil: nobody lives at
-- `addr`), `why` the reason, if there is one.
function failure.unsent(addr, session, why)
	if session == nil then
		error("call to invalid address " .. require("skynet.say").address(addr), 0)
	end
	local told = why ~= nil and core.getenv "callreason" ~= "false"
	error(told and "call failed: " .. why or "call failed", 0)
end

--- The start function has raised this error: the launcher is told, and the service ends. In this order: the end needs more
-- memory than the rest.
function failure.of_start(err)
	local text = failure.text_of(err)
	core.error("init service failed: " .. text)
	require("skynet.call").send(".launcher", "lua", "ERROR", text:match("^[^\n]*"))
	require("skynet.ending").exit()
end

return failure
