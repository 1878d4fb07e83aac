-- SPDX-License-Identifier: MIT
--
-- What is said of what has failed. Loaded when something does.

local require = require("skynet.require").original -- what ships does not wait while it is loaded
local core = require "skynet.core"

local live = require("skynet.task").live

local failure = {}

--- An error as text. What its `__tostring` does is the user's: it may raise as well, or loop, or give no text, and the caller
-- of a request, or whoever waits for a start, must be told in any case.
function failure.shown(err)
	local ok, text = pcall(tostring, err)
	if ok and type(text) == "string" then
		return text
	end
	return string.format("(error object is a %s: %s)", type(err), core.raised(text) or "its __tostring gives no text")
end

--- Raises why nothing can wait here, at whoever has called the function that called task.need.
function failure.cannot_wait()
	if live.blocking then
		error("nothing can wait inside skynet.blocking but what blocks the thread", 4)
	elseif live.task then
		error("attempt to yield across C-call boundary: nothing can wait in what C code calls "
			.. "(table.sort, string.gsub, ...), nor in a __gc", 4)
	end
	error("only a task can wait: do this inside skynet.start, not in the main chunk", 4)
end

--- The number that a delay in text means, as in skynet. Raises at whoever has called sleep or timeout.
function failure.number(cs)
	local number = tonumber(cs)
	if number == nil then
		error("a delay must be a number of 1/100 s, got " .. failure.shown(cs), 4)
	end
	return number
end

--- What to tell of an error that was caught: its text; of an interrupt, which comes as another one, its own with
-- the traceback.
function failure.text_of(err)
	local interrupted, place = core.raised(err)
	if interrupted then
		return interrupted .. "\nstack traceback:\n" .. place
	end
	return failure.shown(err)
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
