-- SPDX-License-Identifier: MIT
--
-- sproto: structs in bytes by a schema, and requests and responses on top. The bytes are luabind/sproto*.c's
-- work; here are the names of types and protocols, and the sessions.

local core = require "sproto.core"

local sproto = {}
local host = {}
local sproto_meta = { __index = sproto }
local host_meta = { __index = host }

--- Make an object of a schema that may be shared (`sproto.core`'s newproto or loadproto).
function sproto.sharenew(schema)
	return setmetatable({ __cobj = schema, __tcache = {}, __pcache = {} }, sproto_meta)
end

--- Make an object of the bytes of a schema, as sprotoparser makes them.
function sproto.new(bytes)
	return sproto.sharenew(assert(core.newproto(bytes)))
end

--- Make an object of the text of a schema.
function sproto.parse(text)
	return sproto.new(require("sprotoparser").parse(text))
end

local function find_type(self, name)
	local found = self.__tcache[name]
	if found == nil then
		found = core.querytype(self.__cobj, name)
		self.__tcache[name] = found
	end
	return found
end

local function need_type(self, name)
	return find_type(self, name) or error("type not found", 0)
end

-- A protocol by name or tag; nil when there is none.
local function find_protocol(self, key)
	local found = self.__pcache[key]
	if found == nil then
		local name, tag, request, response = key, core.protocol(self.__cobj, key)
		if tag == nil then
			return nil
		end
		if type(key) == "number" then
			name, tag = tag, key
		end
		found = { name = name, tag = tag, request = request, response = response }
		self.__pcache[name], self.__pcache[tag] = found, found
	end
	return found
end

--- Whether there is a type of that name.
function sproto:exist_type(name)
	return find_type(self, name) ~= nil
end

--- Whether there is a protocol of that name or tag.
function sproto:exist_proto(key)
	return find_protocol(self, key) ~= nil
end

--- {name, tag, request, response} of a protocol, by name or tag.
function sproto:queryproto(key)
	return find_protocol(self, key) or error(tostring(key) .. " not found", 0)
end

local need_protocol = sproto.queryproto

--- A table as the bytes of a type. Raises `type not found`, and an error for a value that the type does not have.
function sproto:encode(name, value)
	return core.encode(need_type(self, name), value)
end

--- The bytes (a string, or pointer and size) of a type as a table. Raises `type not found`, and an error for other bytes.
-- @return the table, and how many of the bytes it took
function sproto:decode(name, ...)
	return core.decode(need_type(self, name), ...)
end

--- encode, and pack the zeros away.
function sproto:pencode(name, value)
	return core.pack(core.encode(need_type(self, name), value))
end

--- decode of what pencode gave.
function sproto:pdecode(name, ...)
	return core.decode(need_type(self, name), core.unpack(...))
end

--- The request of a protocol (name or tag) as bytes. Raises `NAME not found`.
-- @return the bytes, and the tag of the protocol
function sproto:request_encode(name, value)
	local protocol = need_protocol(self, name)
	return protocol.request and core.encode(protocol.request, value) or "", protocol.tag
end

--- The response of a protocol as bytes. Raises `NAME not found`.
function sproto:response_encode(name, value)
	local response = need_protocol(self, name).response
	return response and core.encode(response, value) or ""
end

--- The bytes of a request as a table. Raises `NAME not found`.
-- @return the table (nil when the protocol's request has none), and the name of the protocol
function sproto:request_decode(name, ...)
	local protocol = need_protocol(self, name)
	return protocol.request and core.decode(protocol.request, ...) or nil, protocol.name
end

--- The bytes of a response as a table, or nil when the protocol has none. Raises `NAME not found`.
function sproto:response_decode(name, ...)
	local response = need_protocol(self, name).response
	if response then
		return core.decode(response, ...)
	end
end

sproto.pack = core.pack
sproto.unpack = core.unpack

--- A table with the default values of a type, or of the "REQUEST" or "RESPONSE" of a protocol.
function sproto:default(name, which)
	if which == nil then
		return core.default(need_type(self, name))
	end
	if which ~= "REQUEST" and which ~= "RESPONSE" then
		error "Invalid type"
	end
	local protocol = need_protocol(self, name)
	local found = which == "REQUEST" and protocol.request or which == "RESPONSE" and protocol.response
	-- A response that only confirms is no userdata with a type.
	if found and found ~= core.nothing then
		return core.default(found)
	end
end

--- Make a host: what takes messages of peers apart. Their head is a struct of that type ("package").
function sproto:host(package_name)
	local package_type = find_type(self, package_name or "package") or error("type package not found", 0)
	return setmetatable({ __proto = self, __package = package_type, __session = {} }, host_meta)
end

-- One table for all heads: it is filled and encoded without a break in between.
local head = {}

local function encode_head(package_type, tag, session, ud)
	head.type, head.session, head.ud = tag, session, ud
	return core.encode(package_type, head)
end

local function responder(self, response, session)
	return function(values, ud)
		local bytes = encode_head(self.__package, nil, session, ud)
		if response then
			bytes = bytes .. core.encode(response, values)
		end
		return core.pack(bytes)
	end
end

--- Take a message apart.
-- @return "REQUEST", name, values, a function that makes the response (nil: none is wanted), ud;
-- or "RESPONSE", session, values, ud
function host:dispatch(...)
	local bytes = core.unpack(...)
	local got, size = core.decode(self.__package, bytes)
	local content = bytes:sub(size + 1)
	if got.type then
		local protocol = need_protocol(self.__proto, got.type)
		local values = protocol.request and core.decode(protocol.request, content) or nil
		local respond = got.session and responder(self, protocol.response, got.session) or nil
		return "REQUEST", protocol.name, values, respond, got.ud
	end
	local session = got.session or error("session not found", 0)
	local response = self.__session[session] or error("Unknown session", 0)
	self.__session[session] = nil
	local values = response ~= true and core.decode(response, content) or nil
	return "RESPONSE", session, values, got.ud
end

--- A function (name, values, session, ud) that makes requests of `peer`'s schema, whose responses come to
-- this host.
function host:attach(peer)
	return function(name, values, session, ud)
		local protocol = need_protocol(peer, name)
		local bytes = encode_head(self.__package, protocol.tag, session, ud)
		if session then
			self.__session[session] = protocol.response or true
		end
		if protocol.request then
			bytes = bytes .. core.encode(protocol.request, values)
		end
		return core.pack(bytes)
	end
end

return sproto
