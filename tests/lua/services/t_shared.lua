-- SPDX-License-Identifier: MIT
-- What services share by services that ship: datacenter, multicast, skynet.service, harbor.

local skynet = require "skynet"
require "skynet.manager"
local datacenter = require "skynet.datacenter"
local multicast = require "skynet.multicast"
local service = require "skynet.service"
local harbor = require "skynet.harbor"
local check = dofile(SERVICE_PATH .. "check.lua")

local function forked(f, ...)
	local result = {}
	skynet.fork(function(...)
		result.ok, result.value = pcall(f, ...)
		result.done = true
	end, ...)
	return result
end

local function done(result, name)
	check.soon(function()
		return result.done
	end, name)
	return result.value
end

local function tree()
	check.eq(datacenter.get "nothing", nil, "no value")
	check.eq(datacenter.set("a", "b", 1), nil, "set gives the value before")
	check.eq(datacenter.set("a", "b", 2), 1, "and again")
	check.eq(datacenter.get("a", "b"), 2, "get")
	datacenter.set("alone", 1)
	check.eq(datacenter.set("alone"), 1, "set of a key alone gives the value before")
	check.eq(datacenter.get("alone"), nil, "and removes it")
	check.raises("call failed", "set without a key", datacenter.set)
	check.eq(datacenter.get("a").b, 2, "a branch is a table")
	check.eq(datacenter.get("x", "y", "z"), nil, "a path that leads nowhere")
	check.raises("call failed", "a path through a value", datacenter.get, "a", "b", "c")
	check.raises("call failed", "set below a value", datacenter.set, "a", "b", "c", 1)
	check.eq(datacenter.wait("a", "b"), 2, "wait for what is there")
	local waiting = forked(datacenter.wait, "w", "x")
	local branch = forked(datacenter.wait, "br")
	skynet.sleep(2)
	check.raises("call failed", "wait for a branch", datacenter.wait, "w")
	check.eq(waiting.done, nil, "the other one waits")
	datacenter.set("w", "x", "here")
	check.eq(done(waiting, "wait ends"), "here", "with the value")
	datacenter.set("br", "anch", 1)
	done(branch, "a wait for what becomes a branch ends")
	check.failed(branch.value, "by a failure")
	check.eq(datacenter.set("a", "b", nil), 2, "a value is removed")
	check.eq(datacenter.get("a", "b"), nil, "and gone")
end

local function channels()
	local got = {}
	local channel = multicast.new {
		dispatch = function(c, source, ...)
			got[#got + 1] = { c, source, ... }
		end,
	}
	check.eq(channel.channel % 256, 0, "the number of a channel")
	check.eq(tostring(channel), string.format("[Multicast:%x]", channel.channel), "a channel as text")
	channel:publish "nobody listens"
	channel:subscribe()
	channel:subscribe()
	channel:publish("x", nil, { 1 })
	local listener = skynet.newservice("listener", channel.channel)
	channel:publish "both"
	check.soon(function()
		return #got == 2
	end, "what was published arrives")
	check.ok(got[1][1] == channel and got[1][2] == skynet.self(), "with channel and source", got[1][2])
	check.ok(got[1][3] == "x" and got[1][5][1] == 1, "and values", got[1][3])
	check.eq(skynet.call(listener, "lua"), "both", "another service has it too")
	channel:unsubscribe()
	channel:publish "one"
	check.eq(skynet.call(listener, "lua"), "one", "after unsubscribe only the other one")
	check.eq(#got, 2, "gets it")
	skynet.kill(listener)
	channel:publish "none"
	local other = multicast.new { channel = channel.channel }
	channel:delete()
	check.eq(channel.channel, nil, "a deleted channel has no number")
	check.raises("assertion", "and takes nothing", channel.publish, channel, 1)
	check.ok(pcall(channel.unsubscribe, channel), "but may be left")
	check.ok(pcall(other.publish, other, 1), "who publishes where somebody else has deleted the channel is not told")
	check.ok(pcall(other.subscribe, other), "nor who joins too late")
	check.raises("call failed", "a number that no channel had", function()
		multicast.new({ channel = 256 * 99999 }):publish(1)
	end)
end

-- A channel object that is collected is unsubscribed, one that is held is not.
local function forgotten_channels()
	local got = {}
	local function subscriber(name, number)
		local channel = multicast.new {
			channel = number,
			dispatch = function()
				got[name] = (got[name] or 0) + 1
			end,
		}
		channel:subscribe()
		return channel
	end
	local first = subscriber "first"
	first:publish(1)
	check.soon(function()
		return got.first == 1
	end, "a subscriber")
	local same = multicast.new { channel = first.channel }
	check.eq(same.channel, first.channel, "an object for a channel that there is")
	check.eq(same:publish(2), nil, "publishes there")
	check.soon(function()
		return got.first == 2
	end, "to all of its subscribers")
	local number = first.channel
	first = nil -- luacheck: ignore
	collectgarbage()
	collectgarbage()
	same:publish(3)
	skynet.sleep(2)
	check.eq(got.first, 2, "one that is collected gets nothing more")
	local second = subscriber("second", number)
	same:publish(4)
	check.soon(function()
		return got.second == 1
	end, "another takes its place")
	second:unsubscribe()
	second:unsubscribe()
	same:delete()
	check.raises("assertion failed!", "subscribe after delete", same.subscribe, same)
	check.ok(pcall(second.publish, second, 5), "publish on what was deleted elsewhere reaches nobody")
end

local function packers()
	local got
	local channel = multicast.new {
		pack = function(text) return text:upper() end,
		unpack = function(msg, sz) return skynet.tostring(msg, sz), sz end,
		dispatch = function(_, _, text, sz) got = text .. sz end,
	}
	channel:subscribe()
	channel:publish "abc"
	check.soon(function()
		return got == "ABC3"
	end, "a packer of one's own")
	channel:delete()
end

local function cell(greeting)
	local skynet = require "skynet" -- luacheck: ignore
	skynet.dispatch("lua", function(_, _, name)
		if name == "name" then
			return skynet.retpack(SERVICE_NAME)
		end
		skynet.retpack(greeting .. " " .. name)
	end)
	skynet.start(function()
		skynet.sleep(2)
	end)
end

local function functions()
	local queried = forked(service.query, "greeter")
	local second = forked(service.new, "greeter", cell, "not me")
	local handle = service.new("greeter", cell, "hello")
	check.eq(done(second, "two ask for one"), handle, "and get the same")
	check.eq(done(queried, "and a query waits"), handle, "for it")
	check.ok(skynet.call(handle, "lua", "you"):find " you$", "it works")
	check.eq(skynet.call(handle, "lua", "name"), "greeter", "its name")
	check.raises("assertion failed!", "a function with upvalues", service.new, "other", function() return check end)
	local function broken() error "broken" end
	for i = 1, 2 do
		check.raises("broken", "a function that fails, time " .. i, service.new, "broken", broken)
	end
	check.eq(service.close "greeter", true, "close")
	check.eq(service.close "greeter", false, "only once")
	check.ok(service.new("greeter", cell, "again") ~= handle, "a new one after that")
end

local function names()
	harbor.globalname "MAIN"
	check.eq(harbor.queryname "MAIN", skynet.self(), "a global name")
	check.eq(harbor.queryname ".nobody", nil, "a local one that nobody has")
	local queried = forked(harbor.queryname, "LATER")
	skynet.sleep(3)
	check.eq(queried.done, nil, "queryname waits")
	skynet.name("LATER", skynet.self())
	check.eq(done(queried, "until somebody has the name"), skynet.self(), "and gets it")
	check.raises("assertion failed!", "too long a name", harbor.globalname, ("x"):rep(16))
	check.raises("assertion failed!", "a number", skynet.register, "123")
	harbor.link(2)
	harbor.linkmaster()
	check.ok(true, "links to other nodes are down")
	check.raises("call failed", "and do not come up", harbor.connect, 2)
end

check.run(function()
	tree()
	channels()
	forgotten_channels()
	packers()
	functions()
	names()
end)
