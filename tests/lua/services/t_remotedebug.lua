-- SPDX-License-Identifier: MIT
-- The debugger inside of a running service: skynet.injectcode, skynet.debugchannel, skynet.remotedebug, debug_agent.

local skynet = require "skynet"
require "skynet.manager"
local inject = require "skynet.injectcode"
local channels = require "skynet.debugchannel"
local check = dofile(SERVICE_PATH .. "check.lua")

local outer, fixed = 1, "fixed"

-- ---- injectcode ----

local function victim(code, ...)
	local a, b = 10, nil
	local results = { inject(code, nil, 0, { extra = "extra" }) }
	return results, a, b, outer, fixed, ...
end

local function injected_here()
	local results, a, b = victim("b = a + outer; a = 11; return a, b, extra, fixed, ..., nil", "x", "y")
	check.eq(table.concat({ tostring(results[1]), results[2], results[3], results[4], results[5] }, " "),
		"true 11 11 extra fixed", "code sees locals, outer locals, what is given to it")
	check.eq(results[6], "x", "and the arguments of the function")
	check.ok(a == 11 and b == 11, "and assigns to locals", tostring(b))
	victim "outer = 5"
	check.eq(outer, 5, "to outer ones")
	victim "new_global = SERVICE_NAME"
	check.eq(new_global, SERVICE_NAME, "and to globals")
	results, a = victim "a = 12; error 'no'"
	check.ok(results[1] == false and results[2] == "(debug):1: no" and a == 12, "an error in it", results[2])
	check.ok(victim("not Lua")[1] == false, "a syntax error")
	check.eq(select(2, inject("return 1", nil, 100)), "Invalid level", "a level that is not there")
	local function deep()
		local a = "deep"
		return (select(2, inject("return a", nil, 1))), a
	end
	local a = "caller"
	check.eq((deep()), "caller", "a level further out")
	check.ok(a and fixed, "is there")
end

local function injected_elsewhere()
	local co = coroutine.create(function(...)
		local here = "before"
		coroutine.yield()
		return here, ...
	end)
	coroutine.resume(co, 1, 2)
	check.eq(select(2, inject("here = here .. select('#', ...) return here", co, 1)), "before2", "another coroutine")
	check.eq(select(2, coroutine.resume(co)), "before2", "which goes on with it")
end

-- ---- debugchannel ----

local function channel()
	local writer, number = channels.create()
	check.eq(type(number), "userdata", "a channel is known by a light userdata")
	writer:write "early"
	local reader = channels.connect(number)
	check.raises("new channel failed", "only one connects", channels.connect, number)
	check.raises("Invalid channel pointer", "by that", channels.connect, 5)
	writer:write ""
	writer:write "a\0b"
	check.ok(reader:read() == "early" and reader:read(1) == "" and reader:read() == "a\0b", "lines come in order")
	check.eq(reader:read(0.01), nil, "nothing there")
	writer:write "last"
	channels.release(writer)
	check.ok(reader:read() == "last" and select(2, reader:read()) == "closed", "the last line, and that it is")
	check.raises("a debug channel expected", "what was released is gone", writer.write, writer, "x")
	writer, number = channels.create()
	channels.release(writer)
	check.raises("new channel failed", "to what is closed nobody connects", channels.connect, number)
	-- Whatever reads: no end may wait for one that is gone.
	writer, number = channels.create()
	reader = channels.connect(number)
	writer = nil
	collectgarbage()
	collectgarbage()
	check.eq(select(2, reader:read(10)), "closed", "an end that was collected is closed")
end

-- ---- remotedebug ----

local screen = ""
skynet.register_protocol {
	name = "text",
	id = skynet.PTYPE_TEXT,
	unpack = skynet.tostring,
	dispatch = function(_, _, text)
		screen = screen .. text
	end,
}

local debuggee, agent, ended, prompt

local function attach()
	screen, ended = "", nil
	agent = skynet.newservice "debug_agent"
	skynet.fork(function()
		ended = { pcall(skynet.call, agent, "lua", "start", debuggee, skynet.address(skynet.self())) }
	end)
	check.soon(function()
		return screen == prompt
	end, "the prompt comes")
end

-- Type a line, and wait for the text to appear on the screen behind what was there.
local function type_line(line, text, name)
	local from = #screen + 1
	skynet.send(agent, "lua", "cmd", line)
	check.soon(function()
		return screen:find(text, from, true)
	end, name)
	if not screen:find(text, from, true) then
		print("the screen: " .. screen:sub(from))
	end
end

-- A request to the debuggee by a task of its own.
local function request(...)
	local answer = {}
	skynet.fork(function(...)
		answer.values = { pcall(skynet.call, debuggee, "lua", ...) }
	end, ...)
	return answer
end

local function answered(answer, wanted, name)
	check.soon(function()
		return answer.values
	end, name)
	check.eq(answer.values and answer.values[2], wanted, "with " .. tostring(wanted))
end

local function at_rest()
	attach()
	type_line("1 + 1, 'x'", "2\tx\n" .. prompt, "an expression")
	type_line("print 'hello'", "hello\n" .. prompt, "print")
	type_line("y = 7", prompt, "a statement")
	type_line("y", "7\n", "has its effect")
	type_line("nothing", "nil\n", "nil is shown")
	type_line("error 'wrong'", "wrong\n", "an error")
	type_line("no Lua", "(debug):1:", "a syntax error")
	type_line("watch 'nothing'", "No nothing\n", "a protocol that is not there")
	type_line("watch 'response'", "No dispatch\n", "one without a handler")
	local other = skynet.newservice "debug_agent"
	local ok, why = skynet.call(other, "lua", "start", debuggee, ":1")
	check.ok(ok == false and why == "Debugger attach failed", "a second debugger is refused", why)
end

-- Lines of debuggee.lua.
local HANDLER, SUM, ADD, SORT, SLEEP, FAIL = 51, 16, 9, 33, 40, 45

local function at(line)
	return string.format("debuggee.lua(%d)>", line)
end

local function stepping()
	answered(request("hot", 1000000), 2999998, "a loop, which is compiled then")
	type_line("watch 'lua'", prompt, "watch")
	local answer = request("sum", 2, "more")
	type_line("", at(HANDLER), "it stops at the first line of the handler")
	type_line("name", "sum\n", "what it was asked")
	type_line("s", at(SUM), "s goes into a function")
	type_line("s", at(SUM + 1), "and on")
	type_line("n, ...", "2\tmore\n", "locals and arguments")
	type_line("n = 3", at(SUM + 1), "a local is changed, in time for the loop")
	type_line("n", at(SUM + 2), "into the loop")
	type_line("n", at(SUM + 1), "n does not go into functions")
	type_line("n", at(SUM + 2), "the second turn")
	type_line("s", at(ADD), "s does")
	type_line("a + b, sum", "3\tnil\n", "a local without a value yet")
	check.eq(answer.values, nil, "nobody has an answer yet")
	answered(request("hot", 10), 27, "the service goes on meanwhile")
	type_line("n", at(ADD + 1), "n in there")
	type_line("n", at(SUM + 2), "and out of it")
	type_line("n", at(SUM + 1), "to the end of the turn")
	type_line("result = result + 100", at(SUM + 1), "the result is changed")
	type_line("total", "0\n", "an outer local")
	type_line("total = 1000", at(SUM + 1), "which is changed too")
	type_line("c", prompt, "c lets it go")
	answered(answer, 106, "the answer")
	type_line("jit.status()", "true", "the compiler is on again")
end

local function conditions()
	type_line("watch('lua', function(_, _, name, n) return name == 'sum' and n > 4 end)", prompt, "a condition")
	answered(request("sum", 4), 10, "does not hold")
	local answer = request("sum", 5)
	type_line("", at(HANDLER), "but now")
	type_line("c", prompt, "c")
	answered(answer, 15, "the answer")
	type_line("watch('lua', function() error 'in it' end)", prompt, "one that fails")
	answered(request("sum", 1), 1, "does not hold")
	check.soon(function()
		return screen:find("in it\n", 1, true)
	end, "and says so")
end

local function waiting_and_failing()
	type_line("watch 'lua'", prompt, "watch")
	local answer = request("sleep", 5)
	type_line("", at(HANDLER), "a handler that waits")
	type_line("s", at(SLEEP), "s")
	type_line("n", prompt, "there is no line while it waits")
	type_line("", at(SLEEP + 1), "after that there is")
	type_line("c", prompt, "c")
	answered(answer, "slept", "the answer")
	type_line("watch 'lua'", prompt, "watch")
	answer = request "fail"
	type_line("", at(HANDLER), "a handler that fails")
	type_line("s", at(FAIL), "s")
	type_line("s", at(FAIL + 1), "s")
	type_line("s", prompt, "the error ends it")
	check.soon(function()
		return answer.values
	end, "the answer")
	check.eq(answer.values[2], "call failed: on purpose", "is the error")
	type_line("jit.status()", "true", "the compiler is on")
	type_line("watch 'lua'", prompt, "watch")
	answer = request("sort", { 3, 1, 2 })
	type_line("", at(HANDLER), "a handler with a comparator")
	type_line("s", at(SORT), "s")
	type_line("s", at(SORT + 2), "does not stop below a C function, but at the end of the call")
	type_line("c", prompt, "c")
	answered(answer, 3, "the answer")
end

local function is_over(name)
	check.soon(function()
		return ended
	end, name)
end

local function ending()
	type_line("watch 'lua'", prompt, "watch")
	local answer = request("sum", 3)
	type_line("", at(HANDLER), "a handler that stands still")
	skynet.send(agent, "lua", "cmd", "cont")
	is_over "cont ends the debugger"
	check.ok(ended[1] and ended[2] == true, "in good order", ended[2])
	answered(answer, 6, "and lets the handler go on")
	attach()
	type_line("watch 'lua'", prompt, "again; a watch that is not used")
	skynet.send(agent, "lua", "cmd", "cont")
	is_over "the end"
	answered(request("sum", 4), 10, "leaves no watch behind")
	attach()
	type_line("watch 'lua'", prompt, "again")
	answer = request("sum", 3)
	type_line("", at(HANDLER), "a handler stands still")
	skynet.kill(agent)
	answered(answer, 6, "and goes on when the other end is killed")
	answered(request("sum", 1), 1, "the service is as before")
	attach()
	type_line("jit.status()", "true", "and can be debugged again")
	type_line("watch 'lua'", prompt, "watch")
	answer = request("sum", 3)
	type_line("", at(HANDLER), "a handler stands still")
	skynet.kill(debuggee)
	is_over "the service is killed"
	check.ok(ended[2] == false, "which the debugger is told", ended[2])
	check.soon(function()
		return answer.values
	end, "and its caller")
	check.failed(answer.values[2], "by a failure")
end

check.run(function()
	injected_here()
	injected_elsewhere()
	channel()
	debuggee = skynet.newservice "debuggee"
	prompt = string.format(":%08x>", debuggee)
	at_rest()
	stepping()
	conditions()
	waiting_and_failing()
	ending()
end)
