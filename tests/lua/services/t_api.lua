-- SPDX-License-Identifier: MIT
-- What the functions of `skynet` give and refuse, one after the other, where no other service here tests it.

local skynet = require "skynet"
local core = require "skynet.core"
local check = dofile(SERVICE_PATH .. "check.lua")

local lines = check.log_lines(core)

-- The service that newservice_arguments starts: it tells what it was given.
local function child(...)
	local given = { n = select("#", ...), ... }
	skynet.start(function()
		skynet.dispatch("lua", function()
			skynet.retpack(given.n, given[1], given[2], given[3])
		end)
	end)
end

local mode = ...
if mode == "child" then
	return child(...)
end

local function protocols()
	for _, name in ipairs { "lua", "response", "error", "debug" } do
		local id, p = skynet["PTYPE_" .. name:upper()], skynet._proto[name]
		check.ok(p and p.name == name and p.id == id and skynet._proto[id] == p, "a protocol from the start: " .. name)
	end
	check.eq(skynet._proto.text, nil, "the others are not")
	check.eq(skynet.dispatch "lua", nil, "lua has no handler at first")
	local function f() end
	check.eq(skynet.dispatch("lua", f), nil, "so there is no previous one")
	check.eq(skynet.dispatch "lua", f, "dispatch without a function reads it")
	for _, bad in ipairs { { id = 50 }, { name = "x" }, { name = 5, id = 50 }, { name = "x", id = "50" },
		{ name = "x", id = -1 } } do
		check.raises("assertion failed!", "a protocol without a name or a number", skynet.register_protocol, bad)
	end
	skynet.register_protocol { name = "least", id = 200, pack = skynet.pack, unpack = skynet.unpack }
	skynet.register_protocol { name = "most", id = 255 }
	check.eq(skynet._proto.most, skynet._proto[255], "the highest number")
	check.eq(skynet.dispatch "least", nil, "a protocol without a handler")
end

local function sends(peer)
	check.eq(skynet.send(peer, "lua", "ECHO"), 0, "send gives 0")
	check.eq(skynet.send(skynet.address(peer), "lua", "ECHO"), 0, "by :hex too")
	check.eq(skynet.redirect(peer, skynet.self(), "lua", 0, skynet.pack("ADD", "redirected")), 0, "redirect gives 0")
	check.eq(skynet.call(peer, "lua", "SEEN", "list"), "redirected ", "and sends")
	check.ok(skynet.redirect(peer, skynet.self(), "lua", nil, skynet.pack "FORGET") > 0, "redirect without a session makes one")
	check.eq(skynet.redirect(0xffff, skynet.self(), "lua", 0, skynet.pack()), nil, "redirect to a dead handle")
	-- What was an argument of newservice is a text.
	local digits = tostring(peer)
	check.eq(skynet.call(digits, "lua", "ECHO", 1), 1, "a handle in digits")
	check.eq(skynet.send(digits, "lua", "ECHO"), 0, "for send")
	check.eq(skynet.redirect(digits, tostring(skynet.self()), "lua", 0, skynet.pack("ADD", "digits")), 0, "for redirect")
	check.eq(skynet.call(peer, "lua", "SEEN", "list"), "redirected digits ", "which sends")
	check.eq(skynet.unpack(skynet.rawcall(digits, "lua", skynet.pack("ECHO", 2))), 2, "for rawcall")
	for _, answer in skynet.request { digits, "lua", "ECHO", 3 }:select() do
		check.eq(answer[1], 3, "for request")
	end
	check.eq(skynet.send("65535", "lua", 1), nil, "a dead one")
	check.raises("Invalid service address 0", "a fraction is no handle", skynet.send, peer + 0.5, "lua", "ECHO")
	check.eq(skynet.send("NOBODY", "lua", 1), nil, "a global name that nobody has")
	check.raises("call to invalid address NOBODY", "cannot be called", skynet.call, "NOBODY", "lua", 1)
	check.raises("call to invalid address :ffff", "nor a dead :hex", skynet.call, ":ffff", "lua", 1)
	for _, f in ipairs { skynet.send, skynet.call, skynet.rawcall, skynet.rawsend } do
		check.raises("Invalid service address 0", "there is no service 0", f, 0, "lua", "")
		check.raises("dest address type (nil) must be a string or number.", "nil is no address", f, nil, "lua", "")
		check.raises("dest address type (boolean) must be a string or number.", "nor a boolean", f, true, "lua", "")
		check.raises("dest address type (table) must be a string or number.", "nor a table", f, {}, "lua", "")
		check.raises("attempt to index", "a protocol that is not registered", f, peer, "nothing", "")
	end
	local _, text = pcall(skynet.call, peer, "least", 1)
	check.eq(text, "call failed: no handler for messages of type 200", "a protocol that the peer does not know")
	_, text = pcall(skynet.call, skynet.self(), "least", 1)
	check.eq(text, "call failed: no handler for messages of type least", "one without a handler there")
end

local function answers()
	local me, seen = skynet.self(), {}
	skynet.dispatch("lua", function(session, source, what)
		if what == "ret" then
			seen.ret = skynet.ret(skynet.pack "packed")
		elseif what == "retpack" then
			seen.retpack = skynet.retpack "values"
		elseif what == "context" then
			local s, a = skynet.context()
			seen.same = s == session and a == source
			skynet.sleep(0)
			s, a = skynet.context()
			seen.still = s == session and a == source
			local outer = coroutine.running()
			skynet.fork(function()
				seen.forked = select("#", skynet.context()) == 0 or skynet.context() == nil
				skynet.wakeup(outer)
			end)
			skynet.wait()
			skynet.retpack()
		elseif what == "string" then
			skynet.ret "not packed"
		elseif what == "response" then
			local respond = skynet.response()
			seen.no_session = select(2, pcall(skynet.ret))
			seen.test, seen.given = respond "TEST", respond(true, 1, nil, nil)
			seen.again = select(2, pcall(respond, true))
			seen.after = respond "TEST"
		elseif what == "no" then
			seen.refused = skynet.response()(false)
		end
	end)
	check.eq(skynet.call(me, "lua", "ret"), "packed", "ret answers with a packed payload")
	check.eq(seen.ret, true, "and gives true")
	check.eq(skynet.call(me, "lua", "retpack"), "values", "retpack answers with values")
	check.eq(seen.retpack, true, "and gives true")
	skynet.send(me, "lua", "retpack")
	skynet.yield()
	check.eq(seen.retpack, false, "false for a message that wants no answer")
	skynet.call(me, "lua", "context")
	check.ok(seen.same and seen.still, "context, also after a wait")
	check.eq(seen.forked, true, "a fork has none")
	local msg, sz = skynet.rawcall(me, "lua", skynet.pack "string")
	check.eq(skynet.tostring(msg, sz), "not packed", "ret takes a string")
	check.eq(select("#", skynet.call(me, "lua", "response")), 3, "a responder passes all values on")
	check.eq(seen.no_session, "No session", "a detached request is not the handler's to answer")
	check.ok(seen.test == true and seen.given == true and seen.after == false, "TEST, the answer, TEST after it")
	check.ok(seen.again:find("Can't response more than once", 1, true), "one answer", seen.again)
	check.raises("call failed", "a responder refuses", skynet.call, me, "lua", "no")
	check.eq(seen.refused, true, "and gives true")
	check.raises("No session", "retpack outside of a request", skynet.retpack, 1)
	skynet.ignoreret()
	check.eq(skynet.context(), nil, "ignoreret outside of a request does nothing")
end

-- A timer of 0 and yield go to the end of the service's own queue.
local function turns()
	local list, me = {}, skynet.self()
	skynet.dispatch("lua", function(_, _, what)
		list[#list + 1] = what
	end)
	skynet.send(me, "lua", "first")
	skynet.timeout(0, function()
		list[#list + 1] = "timer"
	end)
	skynet.send(me, "lua", "second")
	check.eq(skynet.mqlen(), 3, "what waits in the mailbox")
	check.eq(skynet.stat "mqlen", 3, "stat says so too")
	skynet.yield()
	check.eq(table.concat(list, " "), "first timer second", "yield lets those go first that have come before, in their order")
	check.eq(skynet.mqlen(), 0, "nobody waits then")
	check.eq(skynet.sleep(-5), nil, "a negative sleep is a yield")
end

local function wakeups(peer)
	local answer
	local caller = skynet.fork(function()
		answer = skynet.call(peer, "lua", "SLEEP", 2, "answered")
	end)
	skynet.yield()
	check.eq(select("#", skynet.wakeup(caller)), 0, "wakeup of a task in a call gives no value")
	check.eq(answer, nil, "and does not end the call")
	check.soon(function()
		return answer == "answered"
	end, "which is answered in the end")
	check.eq(skynet.wakeup "no such token", nil, "a token that nobody waits on")
	local woken
	skynet.fork(function()
		skynet.wait "text"
		woken = "by a text"
	end)
	skynet.yield()
	check.eq(skynet.wakeup "text", true, "any value is a token")
	check.eq(woken, nil, "wakeup does not switch")
	skynet.yield()
	check.eq(woken, "by a text", "the task runs when this one waits")
end

local function timers()
	local came = 0
	local function count()
		came = came + 1
	end
	local far = { skynet.timeout(2 ^ 31, count), skynet.timeout(2 ^ 31 - 1, count), skynet.timeout(1e9, count) }
	skynet.sleep(2)
	check.eq(came, 0, "a timer of months does not come now")
	for i, co in ipairs(far) do
		check.eq(skynet.killthread(co), co, "and can be taken back, " .. i)
	end
end

local function figures()
	check.eq(type(skynet.stat "cpu"), "number", "stat cpu")
	check.eq(type(skynet.stat "time"), "number", "stat time")
	check.ok(skynet.stat "message" > 0, "stat message")
	check.eq(skynet.stat "endless", 0, "stat endless")
	check.eq(skynet.stat "no such figure", 0, "what stat does not know is 0")
	local before = skynet.stat "message"
	skynet.yield()
	check.eq(skynet.stat "message", before + 1, "each message counts")
	local hpc = skynet.hpc()
	check.ok(skynet.hpc() >= hpc and math.floor(hpc) == hpc and hpc > 0, "hpc: whole nanoseconds that never go back", hpc)
	check.eq(math.floor(skynet.starttime()), skynet.starttime(), "starttime is in whole seconds")
	local first, second = skynet.genid(), skynet.genid()
	check.ok(first > 0 and second > first and second < 2 ^ 31, "genid gives new sessions", second)
end

local function environment()
	check.eq(skynet.getenv "thread", tostring(tonumber(skynet.getenv "thread")), "a number of the config is a string")
	skynet.setenv("t_api_flag", true)
	check.eq(skynet.getenv "t_api_flag", "true", "so is what setenv sets")
	check.raises("no value for t_api_nil", "nil is no value", skynet.setenv, "t_api_nil", nil)
	check.eq(skynet.getenv "t_api_nil", nil, "and sets nothing")
	check.eq(select("#", skynet.getenv "t_api_nil"), 1, "one nil, which tonumber and tostring take")
end

local function words()
	local shown = setmetatable({}, { __tostring = function()
		return "shown"
	end })
	skynet.error("one", 2, nil, true, shown, 1.5, nil)
	check.eq(lines[#lines], "one 2 nil true shown 1.5 nil", "error: all values as text, joined by blanks")
	skynet.error(nil)
	check.eq(lines[#lines], "nil", "nil is a value")
	skynet.error()
	check.eq(lines[#lines], "nil", "so is nothing")
	skynet.error "two\nlines"
	check.eq(lines[#lines], "two\nlines", "one text is passed on as it is")
end

local function payloads()
	local msg, sz = skynet.pack(1, "a")
	check.ok(type(msg) == "userdata" and sz == 4, "pack gives a pointer and a size", sz)
	check.eq(skynet.tostring(msg, sz), skynet.packstring(1, "a"), "tostring copies it")
	check.eq(select(2, skynet.unpack(msg, sz)), "a", "unpack reads it")
	skynet.trash(msg, sz)
	check.eq(select("#", skynet.unpack(skynet.packstring())), 0, "nothing packed is nothing unpacked")
	check.eq(select("#", skynet.unpack(skynet.packstring(nil, nil))), 2, "nils count")
	check.eq(getmetatable(skynet.unpack(skynet.packstring(setmetatable({}, {})))), nil, "metatables are lost")
end

-- Arguments of newservice are joined by blanks and taken apart again.
local function newservice_arguments()
	local n, first, second, third = skynet.call(skynet.newservice("t_api", "child", 5, "two words"), "lua")
	check.ok(n == 4 and first == "child" and second == "5" and third == "two", "arguments of a launch are words", third)
	n = skynet.call(skynet.newservice("t_api", "child"), "lua")
	check.eq(n, 1, "as many as there are")
end

local function start_function()
	check.raises("assertion failed!", "init takes a function", skynet.init, "text")
	check.eq(skynet.task "init", nil, "task init: the start function is through")
	local now
	skynet.init(function()
		now = true
	end)
	check.eq(now, true, "init after the start runs at once")
end

local function requests(peer)
	check.raises("assertion failed!", "a request is a table", function()
		skynet.request():add "text"
	end)
	local set = skynet.request { peer, "lua", "ECHO", 1 }
	for _ in set:select() do -- luacheck: ignore
	end
	check.raises("assertion failed!", "none is added once they are sent", function()
		set:add { peer, "lua", "ECHO" }
	end)
	check.raises("assertion failed!", "they are sent once", function()
		set:select()
	end)
end

check.run(function()
	local peer = skynet.newservice "peer"
	protocols()
	sends(peer)
	answers()
	turns()
	wakeups(peer)
	timers()
	figures()
	environment()
	words()
	payloads()
	newservice_arguments()
	start_function()
	requests(peer)
end)
