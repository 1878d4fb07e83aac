-- SPDX-License-Identifier: MIT
-- What is sent, packed by the runtime or by a function of the user's: values, order, errors half way.

local skynet = require "skynet"
local core = require "skynet.core"
local check = dofile(SERVICE_PATH .. "check.lua")

local me = skynet.self()
local lua = skynet._proto.lua

local function own_pack(...)
	return skynet.packstring("mine", ...)
end

-- One request to ourselves and its values, as the handler gets them.
local function asked(...)
	local got
	skynet.dispatch("lua", function(_, _, ...)
		got = { n = select("#", ...), ... }
		skynet.retpack(...)
	end)
	local answer = { n = 0 }
	local function keep(...)
		answer = { n = select("#", ...), ... }
	end
	keep(skynet.call(me, "lua", ...))
	check.eq(answer.n, got.n, "as many values come back as went")
	return got
end

local function usual()
	check.eq(asked().n, 0, "no value")
	check.eq(asked(nil, nil, nil).n, 3, "nothing but nils")
	local long = ("x"):rep(5000)
	local got = asked("a", long, { long, { b = long } }, 1.5)
	check.ok(got[1] == "a" and got[2] == long and got[3][2].b == long and got[4] == 1.5, "long strings in a table")
	got = asked(long, 7)
	check.ok(got[1] == long and got[2] == 7, "long strings by themselves")
	local many = {}
	for i = 1, 200 do
		many[i] = i
	end
	check.eq(asked(unpack(many))[200], 200, "more values than a C function has room for")
	local strange = setmetatable({}, { __pairs = function()
		return next, { made = "up" }, nil
	end })
	check.eq(asked(strange)[1].made, "up", "a table that iterates by itself")
end

local function foreign()
	skynet.register_protocol { name = "own", id = 100, pack = own_pack, unpack = skynet.unpack,
		dispatch = function(session, _, ...)
			check.eq(select("#", ...), 3, "a pack of one's own is asked")
			check.eq((...), "mine", "its first value")
			if session ~= 0 then
				skynet.ret(skynet.pack(...))
			end
		end }
	local empty
	skynet.register_protocol { name = "text", id = skynet.PTYPE_TEXT, pack = tostring, unpack = skynet.tostring,
		dispatch = function(_, _, text)
			empty = text
		end }
	skynet.send(me, "text", "")
	skynet.yield()
	check.eq(empty, "", "an empty text is a text")
	check.eq(skynet.tostring(skynet.rawcall(me, "debug", skynet.pack "PING")), "", "so is an empty answer")
	check.eq(select("#", skynet.tostring(nil)), 0, "of nothing there is none")
	check.eq(select(3, skynet.call(me, "own", 1, 2)), 2, "a call with it")
	check.eq(skynet.send(me, "own", 1, 2), 0, "a send with it")
	lua.pack = own_pack
	check.eq(asked("x")[1], "mine", "the pack of lua, replaced at run time")
	lua.pack = skynet.pack
	check.eq(asked("x")[1], "x", "and put back")
	lua.pack = function()
		return nil
	end
	check.eq(asked("x").n, 0, "one that packs nothing")
	lua.pack = skynet.pack
	local before = lua.unpack
	lua.unpack = function(...)
		return "unpacked", before(...)
	end
	local what, value
	skynet.dispatch("lua", function(_, _, ...)
		what, value = ...
		skynet.retpack "answer"
	end)
	local answer = { skynet.call(me, "lua", "x") }
	check.ok(what == "unpacked" and value == "x", "the unpack of lua, replaced at run time", value)
	check.ok(answer[1] == "unpacked" and answer[2] == "answer", "for answers too", answer[2])
	lua.unpack = before
end

-- Nothing is sent, no session is used up.
local function errors()
	local got = {}
	skynet.dispatch("lua", function(_, _, value)
		got[#got + 1] = value
	end)
	local big, session = ("x"):rep(100000), core.genid()
	for _, f in ipairs { skynet.call, skynet.send } do
		check.raises("Unsupport type function to serialize", "a function", f, me, "lua", big, print)
		check.raises("Unsupport type thread to serialize", "behind a packed table", f, me, "lua", { big },
			coroutine.create(print))
		check.raises("from my pairs", "an error of the user's", f, me, "lua", 1, setmetatable({}, { __pairs = function()
			error "from my pairs"
		end }))
		check.raises("too depth", "too deep", f, me, "lua", (function()
			local t = {}
			t[1] = t
			return t
		end)())
	end
	check.eq(core.genid(), session + 1, "an error in packing uses up no session")
	local nested = setmetatable({}, { __pairs = function()
		skynet.send(me, "lua", "inner")
		return next, { 1 }, nil
	end })
	skynet.send(me, "lua", nested)
	skynet.yield()
	skynet.yield()
	check.ok(#got == 2 and got[1] == "inner" and type(got[2]) == "table", "a send inside of packing goes first", #got)
end

local function answers()
	skynet.dispatch("lua", function(_, _, how)
		if how == "error" then
			local ok, text = pcall(skynet.retpack, print)
			check.ok(not ok and text:find "Unsupport type function", "an answer that cannot be packed", text)
			skynet.retpack "another"
		elseif how == "twice" then
			skynet.retpack "first"
			check.raises("No session", "a second answer", skynet.retpack, "second")
		else
			skynet.retpack(print)
		end
	end)
	check.eq(skynet.call(me, "lua", "error"), "another", "the request stays open for another answer")
	check.eq(skynet.call(me, "lua", "twice"), "first", "one answer to each request")
	local _, text = pcall(skynet.call, me, "lua", "die")
	check.ok(tostring(text):find "^call failed: .*Unsupport type function", "the caller learns why", text)
	_, text = pcall(skynet.rawcall, me, "lua", "\255\255garbage")
	check.ok(tostring(text):find "^call failed: .*Invalid serialize stream", "a request that cannot be unpacked", text)
	skynet.dispatch("lua", function()
		skynet.ret "\255\255garbage"
	end)
	check.raises("Invalid serialize stream", "an answer that cannot be unpacked is the caller's error", skynet.call, me, "lua")
	skynet.dispatch("lua", function()
		check.eq(skynet.retpack "to nobody", false, "an answer that nobody wants")
	end)
	skynet.send(me, "lua")
	skynet.yield()
	skynet.register_protocol { name = "deaf", id = 101, pack = skynet.pack, unpack = skynet.unpack }
	_, text = pcall(skynet.call, me, "deaf")
	check.eq(text, "call failed: no handler for messages of type deaf", "a type that nobody handles")
end

local function order()
	local got = {}
	skynet.dispatch("lua", function(_, _, ...)
		got[#got + 1] = (select(-1, ...))
	end)
	for i = 1, 10, 3 do
		skynet.send(me, "lua", i)
		lua.pack = own_pack
		skynet.send(me, "lua", i + 1)
		lua.pack = skynet.pack
		skynet.rawsend(me, "lua", skynet.pack(i + 2))
	end
	skynet.yield()
	check.eq(table.concat(got, " "), "1 2 3 4 5 6 7 8 9 10 11 12", "in the order in which they were sent")
end

-- The tag of a traced request goes ahead of each request made for it, however that is packed.
local function traced()
	skynet.dispatch("lua", function(_, _, ...)
		if select(-1, ...) == "inner" then
			skynet.retpack(skynet.tracetag())
			return
		end
		skynet.trace()
		lua.pack = ... == "own" and own_pack or skynet.pack
		local tag = skynet.call(me, "lua", "inner")
		lua.pack = skynet.pack
		skynet.retpack(tag == skynet.tracetag() and tag)
	end)
	for _, pack in ipairs { "usual", "own" } do
		local tag = skynet.call(me, "lua", pack)
		check.ok(type(tag) == "string", "the tag goes ahead, pack: " .. pack, tag)
	end
end

local function peers()
	local peer = skynet.newservice "peer"
	skynet.name(".mortal", peer)
	for _, address in ipairs { peer, skynet.address(peer), ".mortal" } do
		check.eq(skynet.call(address, "lua", "ECHO", address), address, "by " .. address)
	end
	local failed = 0
	for _, address in ipairs { peer, skynet.address(peer), ".mortal" } do
		skynet.fork(function()
			local ok, text = pcall(skynet.call, address, "lua", "HANG")
			failed = failed + (not ok and check.is_failure(text) and 1 or 0)
		end)
	end
	skynet.yield()
	skynet.term(peer)
	check.soon(function()
		return failed == 3
	end, "whom a call waits for is known, whatever the address was")
end

check.run(function()
	usual()
	foreign()
	errors()
	answers()
	order()
	traced()
	peers()
end)
