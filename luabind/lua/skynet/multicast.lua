-- SPDX-License-Identifier: MIT
--
-- Channels: what one service publishes on one, all services get that have subscribed to it. The
-- service multicastd knows who that is. A message travels as the channel's number in eight
-- hexadecimal digits and then the packed values, one copy for each subscriber, so that the end of a
-- service leaves nobody's count wrong.

local skynet = require "skynet"
local core = require "skynet.core"

local DIGITS = 8

local multicast = {}

local Channel = {}
Channel.__index = Channel

function Channel:__tostring()
	return string.format("[Multicast:%x]", self.channel or 0) -- a deleted one has no number
end

local manager -- handle of multicastd
local subscribed = setmetatable({}, { __mode = "v" }) -- number -> channel object

-- A packer may give a string, or pointer and size, which are then ours to free.
local function as_string(msg, sz)
	if type(msg) == "string" or msg == nil then
		return msg or ""
	end
	local text = core.tostring(msg, sz)
	core.trash(msg, sz)
	return text
end

local function body_of(channel, ...)
	if channel.__pack == skynet.pack then
		return core.packstring(...)
	end
	return as_string(channel.__pack(...))
end

-- An object that unsubscribes when the channel object is collected. Tables have no __gc here.
local function sentinel_for(number)
	local sentinel = newproxy(true)
	getmetatable(sentinel).__gc = function()
		if subscribed[number] == nil then
			skynet.send(manager, "lua", "USUB", number)
		end
	end
	return sentinel
end

--- Send values to all subscribers; returns when multicastd has passed them on.
-- Raises `assertion failed!` after delete; a channel that was deleted elsewhere has no subscribers.
function Channel:publish(...)
	local number = assert(self.channel)
	skynet.call(manager, "lua", "PUB", number, body_of(self, ...))
end

--- Receive from now on what is published: dispatch(channel, source, ...) is called for it. A
-- channel object that is collected is unsubscribed.
function Channel:subscribe()
	local number = assert(self.channel)
	if subscribed[number] == self then
		return
	end
	skynet.call(manager, "lua", "SUB", number)
	subscribed[number] = self
	self.__sentinel = sentinel_for(number)
end

--- Receive nothing any more. Nothing happens to one that does not receive, or was deleted.
function Channel:unsubscribe()
	local number = self.channel
	if number and subscribed[number] == self then
		subscribed[number] = nil
		self.__sentinel = nil
		skynet.send(manager, "lua", "USUB", number)
	end
end

--- End the channel, for all services.
function Channel:delete()
	local number = assert(self.channel)
	skynet.send(manager, "lua", "DEL", number)
	subscribed[number] = nil
	self.channel, self.__sentinel = nil, nil
end

local function dispatch(_, source, text)
	local channel = subscribed[tonumber(text:sub(1, DIGITS), 16)]
	if channel and channel.__dispatch then
		local body = text:sub(DIGITS + 1)
		channel.__dispatch(channel, source, channel.__unpack(body, #body))
	end
end

local function begin()
	if manager == nil then
		skynet.register_protocol {
			name = "multicast",
			id = skynet.PTYPE_MULTICAST,
			unpack = skynet.tostring,
			dispatch = dispatch,
		}
		manager = skynet.uniqueservice "multicastd"
	end
end

skynet.init(begin)

--- An object for a channel.
-- @param conf a table, all optional: channel (number of one that exists; a new one by default), pack
-- and unpack (skynet.pack and unpack by default), dispatch (function (channel, source, ...))
function multicast.new(conf)
	conf = conf or {}
	begin()
	local self = {
		channel = conf.channel or skynet.call(manager, "lua", "NEW"),
		__pack = conf.pack or skynet.pack,
		__unpack = conf.unpack or skynet.unpack,
		__dispatch = conf.dispatch,
	}
	return setmetatable(self, Channel)
end

return multicast
