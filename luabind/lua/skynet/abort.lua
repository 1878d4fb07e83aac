-- SPDX-License-Identifier: MIT
--
-- Tasks that end before their time. Loaded when a task is killed, or when the service ends.

local pool = require "skynet.pool"
local live = require("skynet.task").live

local abort = {}

--- End a task that will not run any more. Only with lua54 = true there is anything to notice: its variables are closed.
function abort.close(co)
	if package.loaded.lua54 then
		pcall(coroutine.close, co)
	end
end

--- A task that is gone: as when it had raised this error, and its locks go to those that wait.
function abort.task(co, err)
	pool.ended()
	live.failed(co, err)
	pcall(coroutine.close, co) -- who still has it sees "dead"
	local held = live.held
	while held and held[co] do
		held[co]:release()
	end
end

return abort
