-- SPDX-License-Identifier: MIT
-- Calls and sends between living services.

local skynet = require "skynet"
local check = dofile(SERVICE_PATH .. "check.lua")

local function values(peer)
	check.eq(skynet.call(peer, "lua", "ECHO"), nil, "an empty answer")
	check.eq(select("#", skynet.call(peer, "lua", "ECHO", nil, nil)), 2, "trailing nils are kept")
	check.eq(skynet.call(peer, "lua", "ECHO", true), true, "a boolean")
	check.eq(skynet.call(peer, "lua", "ECHO", 2 ^ 40), 2 ^ 40, "a large integer")
	check.eq(skynet.call(peer, "lua", "ECHO", -1.5), -1.5, "a double")
	check.eq(skynet.call(peer, "lua", "ECHO", "a\0b"), "a\0b", "a string with a zero byte")
	local long = ("x"):rep(100000)
	check.eq(skynet.call(peer, "lua", "ECHO", long), long, "a long string")
	local t = skynet.call(peer, "lua", "ECHO", { 1, { a = "b" } })
	check.ok(t[1] == 1 and t[2].a == "b", "a table")
end

-- Some are taken one by one, more of them from a table; nils count everywhere.
local function numbers_of_values(peer)
	for n = 0, 12 do
		local sent = {}
		for i = 1, n, 2 do
			sent[i] = i
		end
		for _ = 1, 2 do
			local got = table.pack(skynet.call(peer, "lua", "ECHO", unpack(sent, 1, n)))
			check.eq(got.n, n, "as many values as were sent")
			for i = 1, n do
				check.eq(got[i], sent[i], "value " .. i .. " of " .. n)
			end
		end
	end
end

local function where_nothing_can_wait(peer)
	check.raises("attempt to yield across C-call boundary: nothing can wait in what C code calls", "a call in a callback of C",
		table.sort, { 1, 2 }, function()
			skynet.call(peer, "lua", "ECHO", 1)
		end)
end

local function addresses(peer)
	check.eq(skynet.call(skynet.address(peer), "lua", "ECHO", 1), 1, "call by :hex")
	skynet.name(".peer", peer)
	check.eq(skynet.call(".peer", "lua", "ECHO", 2), 2, "call by .name")
	check.eq(skynet.localname ".peer", peer, "localname")
	check.eq(skynet.localname ".nobody", nil, "localname of nobody")
	check.eq(skynet.address(255), ":000000ff", "address of a handle")
	check.eq(skynet.address ".x", ".x", "address of a name")
	check.eq(select("#", skynet.harbor(peer)), 2, "harbor gives two values")
	check.eq((skynet.harbor(peer)), 0, "harbor is 0")
end

local function wrong_addresses()
	check.raises("call to invalid address :0000ffff", "call to a dead handle", skynet.call, 0xffff, "lua", "ECHO")
	check.raises("call to invalid address .nobody", "call to an unknown name", skynet.call, ".nobody", "lua", "ECHO")
	check.raises("call to invalid address", "rawcall to a dead handle", skynet.rawcall, 0xffff, "lua", "x")
	check.raises("Invalid service address 0", "call to 0", skynet.call, 0, "lua", "ECHO")
	check.raises("dest address type (nil) must be a string or number.", "send to nil", skynet.send, nil, "lua", "ECHO")
	check.raises("index", "unregistered protocol", skynet.send, ".launcher", "nothing", 1)
	check.eq(skynet.send(0xffff, "lua", "ECHO"), nil, "send to a dead handle")
	check.eq(skynet.send(".nobody", "lua", "ECHO"), nil, "send to an unknown name")
end

local function failures(peer)
	check.raises("call failed", "the peer raises", skynet.call, peer, "lua", "RAISE")
	-- skynet says `call failed` and no more; why stands in the log of the callee only.
	local _, text = pcall(skynet.call, peer, "lua", "RAISE")
	check.ok(text:find "^call failed: .*peer.lua:%d+: boom$", "the reason of a failed call", text)
	_, text = pcall(skynet.call, peer, "lua", "FORGET")
	check.eq(text, "call failed: no answer", "the reason of a forgotten answer")
	check.raises("call failed", "the peer raises a table", skynet.call, peer, "lua", "RAISE_TABLE")
	check.raises("call failed", "the peer has no such protocol handler", skynet.rawcall, peer, "text", "x")
	check.raises("call failed", "the peer cannot unpack", skynet.rawcall, peer, "lua", "\255\255garbage")
	check.raises("call failed", "no such command", skynet.call, peer, "lua", "NOTHING")
	check.raises("call failed", "the peer forgets to answer", skynet.call, peer, "lua", "FORGET")
	check.raises("call failed", "the peer forgets after a sleep", skynet.call, peer, "lua", "SLEEP_FORGET", 1)
	check.eq(skynet.call(peer, "lua", "ECHO", "alive"), "alive", "the peer lives on")
end

local function answers(peer)
	skynet.call(peer, "lua", "TWICE")
	check.ok(tostring(skynet.call(peer, "lua", "SEEN", "twice")):find "No session", "a second answer raises No session")
	check.raises("No session", "ret outside of a request", skynet.ret)
	local session, source = skynet.context()
	check.ok(session == nil and source == nil, "no context outside of a request", session)
	local other = skynet.newservice "peer"
	check.eq(skynet.call(peer, "lua", "FORWARD", other), "forwarded", "a redirected request is the receiver's to answer")
	local msg, sz = skynet.rawcall(peer, "lua", skynet.pack("ECHO", 7))
	check.eq(skynet.unpack(msg, sz), 7, "rawcall")
	check.eq(skynet.unpack(skynet.packstring("a", 1)), "a", "packstring and unpack")
	check.eq(skynet.rawsend(peer, "lua", skynet.pack("ADD", 1)), 0, "rawsend gives 0")
	check.eq(skynet.call(peer, "lua", "SEEN", "list"), "1 ", "rawsend arrives")
end

local function own_requests()
	skynet.dispatch("lua", function(session, source, ...)
		check.ok(session > 0 and source == skynet.self(), "session and source of a request", session)
		local s, a = skynet.context()
		check.ok(s == session and a == source, "context of a request", s)
		skynet.retpack(...)
	end)
	check.eq(skynet.call(skynet.self(), "lua", "me"), "me", "a service calls itself")
end

check.run(function()
	skynet.register_protocol { name = "text", id = skynet.PTYPE_TEXT }
	local peer = skynet.newservice "peer"
	values(peer)
	numbers_of_values(peer)
	where_nothing_can_wait(peer)
	addresses(peer)
	wrong_addresses()
	failures(peer)
	answers(peer)
	own_requests()
	check.ok(skynet.task() >= 1, "the guard timer is a task", skynet.task())
end)
