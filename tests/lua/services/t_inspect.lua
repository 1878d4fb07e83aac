-- SPDX-License-Identifier: MIT
-- Looking at tasks, killing them, tracing requests.

local skynet = require "skynet"
local core = require "skynet.core"
local check = dofile(SERVICE_PATH .. "check.lua")

local lines = check.log_lines(core)

local function unique()
	local function waiter(token)
		skynet.wait(token)
	end
	local tokens = { {}, {}, {} }
	for _, token in ipairs(tokens) do
		skynet.fork(waiter, token)
	end
	skynet.yield()
	local found
	for head, stack in pairs(skynet.uniqtask()) do
		if head:find "^3\tsessions:%[%d+,%d+,%d+%]\n$" then
			found = stack
		end
	end
	check.ok(found and found:find("t_inspect.lua", 1, true), "three tasks that do the same", found)
	for _, token in ipairs(tokens) do
		skynet.wakeup(token)
	end
	skynet.yield()
end

local function origins()
	skynet.trace_timeout(true)
	local co = skynet.timeout(100, function() end)
	local session = skynet.task(co)
	check.ok(skynet.task(session):find("t_inspect.lua", 1, true), "who began a timer", skynet.task(session))
	check.ok(skynet.task(session):find "^TIMER %d+%+100 : \nstack traceback:", "and when", skynet.task(session))
	skynet.trace_timeout(false)
	check.eq(skynet.killthread(co), co, "a timer is killed")
end

-- In skynet the timer of a killed sleeper comes all the same: `Unknown session`. So does the answer
-- to a killed caller.
local function kills(peer)
	local before = skynet.task()
	local ran = {}
	local function body(name, f, ...)
		return skynet.fork(function(...)
			f(...)
			ran[#ran + 1] = name
		end, ...)
	end
	local forked = body("fork", function() end)
	check.eq(skynet.killthread(forked), forked, "a task that has not begun")
	local victims = {
		body("sleep", skynet.sleep, 2), body("wait", skynet.wait), body("yield", skynet.yield),
		body("call", skynet.call, peer, "lua", "SLEEP", 2), body("raise", skynet.call, peer, "lua", "RAISE"),
		skynet.timeout(1, function() ran[#ran + 1] = "timeout" end),
	}
	skynet.fork(function()
		for i, co in ipairs(victims) do
			check.eq(skynet.killthread(i % 2 == 0 and co or tostring(co):match "0x%x+"), co, "victim " .. i)
			check.eq(skynet.killthread(co), nil, "only once, " .. i)
			check.eq(coroutine.status(co), "dead", "seen by who has it, " .. i)
		end
	end)
	skynet.sleep(10)
	check.eq(table.concat(ran, " "), "", "none of them goes on")
	check.eq(skynet.task(), before, "nothing is left of them")
	check.eq(skynet.killthread "no such thread", nil, "nobody")
end

-- The caller of a task that is killed learns of it.
local function served()
	local serving
	skynet.dispatch("lua", function()
		serving = coroutine.running()
		skynet.sleep(1000)
	end)
	local text
	skynet.fork(function()
		text = select(2, pcall(skynet.call, skynet.self(), "lua"))
	end)
	check.soon(function()
		return serving
	end, "a request is served")
	skynet.killthread(serving)
	check.soon(function()
		return text == "call failed: killed"
	end, "its caller is told")
end

local function events_of(tag)
	local events = {}
	for _, line in ipairs(lines) do
		events[#events + 1] = line:match("^<TRACE " .. tag .. "> %d+ (%a+)")
	end
	return table.concat(events, " ")
end

local function traces(peer)
	skynet.dispatch("lua", function()
		skynet.trace "here"
		skynet.sleep(1)
		skynet.call(peer, "lua", "ECHO")
		skynet.retpack(skynet.tracetag())
	end)
	local tag = skynet.call(skynet.self(), "lua")
	check.ok(tag and tag:find("^:%x%x%x%x%x%x%x%x%-1$"), "the tag of a traced request", tag)
	tag = tag:gsub("%-", "%%-")
	check.eq(events_of(tag), "trace sleep resume call resume response end", "what happened to it")
	check.eq(skynet.tracetag(), nil, "who asked is not traced")
	local call_line
	for _, line in ipairs(lines) do
		call_line = call_line or line:match "call : (.*)$"
	end
	check.ok(call_line:find "^@.*t_inspect.lua:%d+", "where it called", call_line)
	skynet.tracelog("mine", "hello")
	check.ok(lines[#lines]:find "^<TRACE mine> %d+ hello$", "tracelog", lines[#lines])
	skynet.traceproto("lua", true)
	skynet.dispatch("lua", function()
		skynet.retpack(skynet.tracetag())
	end)
	check.ok(skynet.call(skynet.self(), "lua"), "a protocol whose requests are all traced")
	skynet.traceproto("lua", false)
	check.eq(skynet.call(skynet.self(), "lua"), false, "and one whose are not")
	skynet.traceproto("lua", nil)
	local forked, later
	skynet.fork(function()
		skynet.trace()
		forked = skynet.tracetag()
	end)
	skynet.yield()
	check.eq(events_of(forked:gsub("%-", "%%-")), "trace end", "a task that serves no request is traced to its end")
	skynet.fork(function()
		later = tostring(skynet.tracetag())
	end)
	skynet.yield()
	check.eq(later, "nil", "and the next one in its coroutine is not")
	local msg, sz = skynet.tracecall("outer", skynet.self(), "lua", skynet.pack())
	check.eq(skynet.unpack(msg, sz), "outer", "tracecall gives its tag to the request")
	check.eq(events_of "outer", "tracecall request response end tracecall", "and logs both ends")
end

local function no_strays()
	local stray
	skynet.dispatch_unknown_response(function(session)
		stray = session
	end)
	return function()
		skynet.sleep(10)
		check.eq(stray, nil, "no answer came that nobody expected")
	end
end

check.run(function()
	local peer = skynet.newservice "peer"
	local finish = no_strays()
	unique()
	origins()
	kills(peer)
	served()
	traces(peer)
	finish()
end)
