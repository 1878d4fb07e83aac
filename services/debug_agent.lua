-- SPDX-License-Identifier: MIT
--
-- One end of a debugger (skynet/remotedebug.lua): takes lines from whoever debugs, and passes them to the service that is
-- debugged past its mailbox. Ends with it; and when this ends first, the debugger does.

local skynet = require "skynet"
local debugchannel = require "skynet.debugchannel"

local channel, debugged
local command = {}

--- (handle of a service, where its output goes: see remotedebug) -> true when the debugger has ended; false, reason when
-- it could not begin
function command.start(address, sink)
	assert(channel == nil, "start more than once")
	skynet.error(string.format("Attach to :%08x", address))
	local number
	debugged = address
	channel, number = debugchannel.create()
	local ok = pcall(skynet.calltimeout, math.huge, address, "debug", "REMOTEDEBUG", sink, number)
	if ok then
		skynet.retpack(true)
	else
		skynet.retpack(false, "Debugger attach failed")
	end
	skynet.exit()
end

--- (line): a command for the debugger, which looks for it with the next message: that is why there is one
function command.cmd(line)
	channel:write(line)
	skynet.send(debugged, "debug", "PING")
end

--- Whether the debugger is still there: no answer comes from one that is not.
function command.ping()
	skynet.ret()
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, name, ...)
		command[name](...)
	end)
end)
