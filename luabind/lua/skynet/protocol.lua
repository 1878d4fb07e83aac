-- SPDX-License-Identifier: MIT
--
-- Protocols: how the payload of each message type is packed and unpacked, and who handles it. One
-- table holds every protocol twice, by its name and by its number.

local protocol = {
	--- Numbers of the message types: types.PTYPE_LUA and its like.
	types = require "skynet.core",
}

local registry = {}

--- name | id -> protocol.
protocol.registry = registry

-- A protocol of ours may be marked `replaceable`: the user's own one with the same number then
-- takes its place.
local function vacate(key)
	local old = registry[key]
	if old and old.replaceable then
		registry[old.name], registry[old.id] = nil, nil
	end
	assert(registry[key] == nil)
end

--- Add a protocol: a table with name, id (0..255) and, as needed, pack, unpack and dispatch.
-- Raises `assertion failed!` when the name or the number is taken or out of range.
function protocol.register(class)
	local name, id = class.name, class.id
	assert(type(name) == "string" and type(id) == "number" and id >= 0 and id <= 255)
	vacate(name)
	vacate(id)
	registry[name] = class
	registry[id] = class
end

--- Set the handler f(session, source, ...) of a protocol, or only read it when f is nil.
-- Raises an error when a handler is set for a name that is not registered.
-- @param options nil, or { serial = true } to handle one message after the other, or { key =
-- function(...) } to do so for messages of the same key: see skynet/serial.lua
-- @return the previous handler or nil
function protocol.dispatch(name, f, options)
	local p = registry[name]
	if f == nil then
		return p and p.dispatch
	end
	if p == nil then
		error("protocol " .. tostring(name) .. " is not registered", 2)
	end
	local old = p.dispatch
	p.dispatch = options and require("skynet.serial").wrap(f, options) or f
	return old
end

return protocol
