-- SPDX-License-Identifier: MIT
-- `local x <close>`: each way out of its block closes it, once, in the right order, after the values
-- that leave have been computed.

local skynet = require "skynet"
local check = dofile(SERVICE_PATH .. "check.lua")
local eq, ok, raises = check.eq, check.ok, check.raises

local log = {}

local function note(...)
	log[#log + 1] = table.concat({ ... }, ":")
end

local function taken()
	local text = table.concat(log, " ")
	log = {}
	return text
end

local function res(name)
	return setmetatable({ name = name }, { __close = function(self, err)
		note(self.name, err and tostring(err):gsub("^.*: ", "") or nil)
	end })
end

local function blocks()
	do
		local a <close> = res "a"
		local b <close> = res "b"
		note "body"
	end
	eq(taken(), "body b a", "the end of a block, the last one first")
	do
		local a <close> = nil
		local b <close> = false
		local c <const>, d <close> = 1, res "d"
		note(c)
	end
	eq(taken(), "1 d", "nil and false are let pass, attributes in one list")
	if true then
		local a <close> = res "then"
	end
	for i = 1, 2 do
		local a <close> = res("for" .. i)
	end
	local n = 0
	while n < 2 do
		local a <close> = res("while" .. n)
		n = n + 1
	end
	repeat
		local a <close> = res("repeat" .. n)
		local last = n == 3
		n = n + 1
	until last
	eq(taken(), "then for1 for2 while0 while1 repeat2 repeat3", "in each kind of block")
	repeat
		local a <close> = res "r"
		local function cond()
			note "cond"
			return true
		end
	until cond()
	eq(taken(), "cond r", "until is asked before")
end

local function returns()
	local function three(...)
		local a <close> = res "a"
		return note "values", select("#", ...), ...
	end
	eq(select("#", three(1, nil, nil)), 5, "return passes all values")
	eq(taken(), "values a", "and closes after they are computed")
	local function nothing()
		local a <close> = res "a"
		do
			local b <close> = res "b"
			return
		end
	end
	eq(select("#", nothing()), 0, "return of nothing")
	eq(taken(), "b a", "closes all of the function")
	local function tail()
		local a <close> = res "a"
		return (function()
			note "called"
			return 7
		end)()
	end
	eq(tail(), 7, "a call that is returned")
	eq(taken(), "called a", "comes before")
	local function inner()
		local a <close> = res "outer"
		local f = function()
			local b <close> = res "inner"
			return 1
		end
		f()
		note "between"
		return 2;
	end
	inner()
	eq(taken(), "inner between outer", "a return closes its own function's only")
	local function loop()
		for i = 1, 3 do
			local a <close> = res("a" .. i)
			if i == 2 then
				return i << 1
			end
		end
	end
	eq(loop(), 4, "from inside a loop")
	eq(taken(), "a1 a2", "closes what is open")
end

local function jumps()
	for i = 1, 3 do
		local a <close> = res("a" .. i)
		do
			local b <close> = res("b" .. i)
			if i == 2 then break end
		end
	end
	eq(taken(), "b1 a1 b2 a2", "break")
	for i = 1, 3 do
		if i == 1 then goto continue end
		local a <close> = res("a" .. i)
		if i == 2 then goto continue end
		note("end" .. i)
		::continue::
	end
	eq(taken(), "a2 end3 a3", "goto continue, before and behind the variable")
	do
		local n = 0
		::top::
		n = n + 1
		local a <close> = res("a" .. n)
		do
			local b <close> = res("b" .. n)
			if n < 3 then goto top end
		end
		note "out"
	end
	eq(taken(), "b1 a1 b2 a2 b3 out a3", "goto back over it")
	for i = 1, 2 do
		for j = 1, 2 do
			local a <close> = res("a" .. i .. j)
			if j == 2 then goto next_i end
		end
		::next_i::
	end
	eq(taken(), "a11 a12 a21 a22", "goto out of two loops")
	do
		local a <close> = res "a"
		goto inside
		note "never"
		::inside::
		note "inside"
	end
	eq(taken(), "inside a", "goto within its scope closes nothing")
	do
		local a <close> = res "a"
		while true do
			local b <close> = res "b"
			repeat
				local c <close> = res "c"
				if c then goto out end
			until true
		end
		::out::
		note "after"
		local d = 1
	end
	eq(taken(), "c b after a", "goto into the scope of the outer one")
	local i = 0
	repeat
		local a <close> = res("a" .. i)
		i = i + 1
		if i == 2 then break end
	until false
	eq(taken(), "a0 a1", "break out of repeat")
end

local function errors()
	raises("boom", "an error passes", function()
		local a <close> = res "a"
		local b <close> = res "b"
		error("boom", 0)
	end)
	eq(taken(), "b:boom a:boom", "and closes, with the error")
	eq(select(2, xpcall(function()
		local a <close> = res "a"
		error("boom", 0)
	end, function(err)
		note("handler", err)
		return "handled"
	end)), "handled", "xpcall")
	eq(taken(), "handler:boom a:handled", "the handler comes before the closing")
	local function raising(name)
		return setmetatable({}, { __close = function(_, err)
			note(name, tostring(err))
			error(name, 0)
		end })
	end
	raises("second", "an error in __close takes its place", function()
		local a <close> = res "a"
		local b <close> = raising "second"
		error("first", 0)
	end)
	eq(taken(), "second:first a:second", "and the others are closed all the same")
	raises("at the end", "an error in __close at a regular end", function()
		local a <close> = res "a"
		do
			local b <close> = raising "at the end"
		end
		note "never"
	end)
	eq(taken(), "at the end:nil a:at the end", "closes the others too")
	raises("variable 'x' got a non-closable value", "a value without __close", function()
		local a <close> = res "a"
		local x <close> = 5
	end)
	ok(taken():find "^a:variable", "closes what is open")
	local function nested()
		local a <close> = res "outer"
		pcall(function()
			local b <close> = res "inner"
			error("x", 0)
		end)
		note "caught"
	end
	nested()
	eq(taken(), "inner:x caught outer", "pcall closes what is inside only")
	ok(pcall(table.sort, { 3, 1, 2 }, function(a, b)
		local c <close> = res "s"
		return a < b
	end), "in a callback of C")
	ok(taken():find "^s s", "it closes")
end

local function coroutines()
	local co = coroutine.create(function()
		local a <close> = res "a"
		pcall(function()
			local b <close> = res "b"
			coroutine.yield()
			note "never"
		end)
	end)
	coroutine.resume(co)
	local c <close> = res "mine"
	eq(taken(), "", "a yield closes nothing")
	eq(coroutine.close(co), true, "coroutine.close")
	eq(taken(), "b a", "closes what is open in there, and nothing else")
	eq(coroutine.status(co), "dead", "it is dead")
	co = coroutine.create(function()
		local a <close> = setmetatable({}, { __close = function() error("in close", 0) end })
		coroutine.yield()
	end)
	coroutine.resume(co)
	local good, err = coroutine.close(co)
	ok(good == false and err == "in close", "an error in __close is its result", err)
	co = coroutine.create(function()
		local a <close> = res "a"
		error("why", 0)
	end)
	eq(select(2, coroutine.resume(co)), "why", "an error in a coroutine")
	eq(taken(), "a:why", "closes at once")
	eq(select(2, coroutine.close(co)), "why", "close gives the error")
	eq(coroutine.close(co), true, "once")
	eq(coroutine.resume(co), false, "it cannot be resumed")
	eq(coroutine.close(co), true, "which is no failure of its own")
	co = coroutine.create(function()
		local ok, err = coroutine.resume(co)
		note(tostring(ok), err)
		coroutine.yield()
	end)
	coroutine.resume(co)
	eq(taken(), "false:cannot resume running coroutine", "one that resumes itself")
	eq(coroutine.close(co), true, "which is no failure of it")
	co = coroutine.create(error)
	coroutine.resume(co, "cannot resume dead coroutine")
	eq(select(2, coroutine.close(co)), "cannot resume dead coroutine", "an error with the text of a refusal")
	raises("t_lua54_close.lua:", "closing the running one names the line", function()
		local closed = coroutine.close(coroutine.running())
		return closed
	end)
	local inner = require("skynet.coroutine")
	co = inner.create(function()
		local a <close> = res "a"
		inner.yield()
	end)
	inner.resume(co)
	eq(inner.close(co), true, "close of skynet.coroutine")
	eq(taken(), "a", "closes too")
	co = inner.create(function()
		local a <close> = setmetatable({}, { __close = function() error("in close", 0) end })
		inner.yield()
	end)
	inner.resume(co)
	eq(select(2, inner.close(co)), "in close", "with the error as its result")
	co = inner.create(function()
		local a <close> = res "waits"
		skynet.sleep(2)
	end)
	local outcome
	skynet.fork(function()
		outcome = { inner.resume(co) }
	end)
	skynet.yield()
	eq(inner.status(co), "blocked", "one whose task waits in it")
	eq(inner.close(co), true, "is closed")
	eq(taken(), "waits", "with its variables")
	eq(inner.status(co), "dead", "and dead")
	check.soon(function() return outcome end, "who has resumed it goes on")
	ok(outcome[1] == false and outcome[2] == "cannot resume dead coroutine", "with an error", outcome[2])
	local wrapped = coroutine.wrap(function(...)
		local a <close> = res "w"
		local x = coroutine.yield(...)
		error(x, 0)
	end)
	eq(select("#", wrapped(1, 2, 3)), 3, "coroutine.wrap")
	raises("thrown", "passes errors", wrapped, "thrown")
	eq(taken(), "w:thrown", "and closes")
	-- Two at a time, each with its own.
	local function worker(name)
		return coroutine.wrap(function()
			for i = 1, 2 do
				local a <close> = res(name .. i)
				coroutine.yield()
			end
		end)
	end
	local x, y = worker "x", worker "y"
	x() y() x() y() x() y()
	eq(taken(), "x1 y1 x2 y2", "coroutines in turns")
end

local function tasks()
	local done
	skynet.fork(function()
		local a <close> = res "task"
		skynet.sleep(1)
		note "slept"
		done = true
	end)
	skynet.fork(function()
		local b <close> = res "failing"
		skynet.yield()
		error "in a task"
	end)
	check.soon(function() return done end, "a task sleeps with an open variable")
	local text = taken()
	ok(text:find("failing:in a task", 1, true), "a task that fails closes", text)
	ok(text:find("slept task", 1, true), "a task that ends closes", text)
end

local function many()
	local n = 0
	local counter = setmetatable({}, { __close = function() n = n + 1 end })
	for i = 1, 100000 do
		local a <close> = counter
		if i % 3 == 0 then goto continue end
		if i % 7 == 0 then pcall(function() local b <close> = counter error() end) end
		::continue::
	end
	eq(n, 100000 + 9524, "a hundred thousand")
end

local function killed()
	local co = skynet.fork(function()
		local a <close> = res "killed"
		skynet.wait()
	end)
	skynet.yield()
	skynet.killthread(co)
	eq(taken(), "killed", "a task that is killed closes")
end

-- The service that `exits` starts: it says what is closed when it ends.
local function child(parent)
	local function says(text)
		return setmetatable({}, { __close = function() skynet.send(parent, "lua", text) end })
	end
	skynet.start(function()
		local own <close> = says "own"
		skynet.fork(function()
			local a <close> = says "waits"
			skynet.wait()
		end)
		skynet.fork(function()
			local a <close> = says "sleeps"
			skynet.sleep(100000)
		end)
		skynet.yield()
		skynet.fork(function()
			local never <close> = says "never"
		end)
		skynet.exit()
	end)
end

local function exits()
	local closed = {}
	skynet.dispatch("lua", function(_, _, text)
		closed[#closed + 1] = text
	end)
	skynet.newservice("t_lua54_close", "child", skynet.self())
	check.soon(function() return #closed >= 3 end, "exit closes what is open")
	eq(table.concat(closed, " "), "waits sleeps own", "in the tasks that wait, then its own")
end

local mode, parent = ...
if mode == "child" then
	return child(tonumber(parent))
end

check.run(function()
	blocks()
	returns()
	jumps()
	errors()
	coroutines()
	tasks()
	killed()
	exits()
	many()
end)
