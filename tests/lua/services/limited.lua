-- SPDX-License-Identifier: MIT
--
-- A service whose handlers wait until they are released, for the limit of tasks. It is asked by the debug protocol, which
-- gets in when nothing else does: skynet.call(addr, "debug", "INFO", what, ...).

local skynet = require "skynet"

local begun, ended, now, most = {}, 0, 0, 0
local waiting, timers = {}, {}
local ask = {}

--- The names of those that began, in order; how many have ended; how many there were at a time.
function ask.SEEN()
	return table.concat(begun, " "), ended, most
end

function ask.RELEASE()
	skynet.wakeup(table.remove(waiting, 1))
end

function ask.LIMIT(n)
	return skynet.tasklimit(n)
end

function ask.TIMERS(n)
	for i = 1, n do
		timers[#timers + 1] = skynet.timeout(100000, function() end)
	end
end

function ask.KILL_TIMERS()
	for _, co in ipairs(timers) do
		skynet.killthread(co)
	end
	timers = {}
end

function ask.FORK(n)
	for _ = 1, n do
		skynet.fork(skynet.wait, {})
	end
end

skynet.info_func(function(what, ...)
	return ask[what](...)
end)

local work = {}

function work.wait(name)
	waiting[#waiting + 1] = { name }
	skynet.wait(waiting[#waiting])
end

function work.call(_, addr)
	skynet.call(addr, "lua", "SLEEP", 1)
end

function work.sleep()
	skynet.sleep(1)
end

function work.error()
	error "no"
end

function work.nothing()
end

skynet.dispatch("lua", function(session, _, name, how, ...)
	begun[#begun + 1] = name
	now = now + 1
	most = math.max(most, now)
	local ok, err = pcall(work[how], name, ...)
	now = now - 1
	ended = ended + 1
	if not ok then
		error(err, 0)
	elseif session ~= 0 then
		skynet.retpack(name)
	end
end)

skynet.start(function()
end)
