-- SPDX-License-Identifier: MIT
--
-- The other side in most of the tests: a service that answers, or fails to answer, in every way
-- there is.

local skynet = require "skynet"

local mode = ...
local command = {}
local kept = {}
local seen = {}

function command.ECHO(...)
	skynet.retpack(...)
end

function command.RAISE()
	error "boom"
end

function command.RAISE_TABLE()
	error { 1 }
end

function command.FORGET()
end

function command.SLEEP(cs, ...)
	skynet.sleep(cs)
	skynet.retpack(...)
end

function command.SLEEP_FORGET(cs)
	skynet.sleep(cs)
end

function command.HANG()
	skynet.wait()
end

function command.EXIT()
	skynet.exit()
end

function command.LATER(cs)
	local responder = skynet.response()
	skynet.timeout(cs, function()
		responder(true, "later")
	end)
end

function command.LATER_FAIL(cs)
	local responder = skynet.response()
	skynet.timeout(cs, function()
		responder(false)
	end)
end

function command.KEEP()
	kept[#kept + 1] = skynet.response()
end

function command.DROP()
	skynet.response()
	skynet.fork(function()
		collectgarbage()
		collectgarbage()
	end)
end

function command.TWICE()
	skynet.retpack(1)
	local ok, err = pcall(skynet.retpack, 2)
	seen.twice = not ok and err
end

function command.SEEN(key)
	skynet.retpack(seen[key])
end

function command.ADD(value)
	seen.list = (seen.list or "") .. value .. " "
end

function command.CALL(addr, ...)
	seen.call = tostring(select(2, pcall(skynet.call, addr, "lua", ...)))
	skynet.retpack(seen.call)
end

function command.RET_TO()
	seen.ret = "begun"
	skynet.wait(command)
	seen.ret = skynet.retpack "late"
end

function command.RET_NOW()
	skynet.wakeup(command)
	skynet.yield()
	skynet.retpack()
end

function command.FORWARD(addr)
	local session, source = skynet.context()
	skynet.redirect(addr, source, "lua", session, skynet.pack("ECHO", "forwarded"))
end

function command.DEPTH()
	seen.depth = (seen.depth or 0) + 1
	local depth = seen.depth
	skynet.sleep(2)
	seen.depth = seen.depth - 1
	skynet.retpack(depth)
end

skynet.dispatch("lua", function(_, _, cmd, ...)
	command[cmd](...)
end)

if mode == "chunk_error" then
	error "the chunk fails"
end

skynet.start(function()
	if mode == "start_error" then
		error "the start fails"
	elseif mode == "start_exit" then
		skynet.exit()
	elseif mode == "start_hang" then
		skynet.wait()
	elseif mode == "start_slow" then
		skynet.sleep(10)
	end
end)
