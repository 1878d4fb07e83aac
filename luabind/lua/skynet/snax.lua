-- SPDX-License-Identifier: MIT
--
-- Services whose requests look like functions: obj.req.x(...) calls response.x of the service, obj.post.x(...) sends to
-- its accept.x. The service is snaxd, which hosts the file that the config's `snax` finds; what travels is the number
-- of the method (snax/interface.lua).

local skynet = require "skynet"
local patient = require("skynet.require").original("skynet.deadline").patient
local read_interface = require "snax.interface"

local snax = {}

local types = {} -- name -> its methods' numbers
local objects = setmetatable({}, { __mode = "v" }) -- handle -> object

-- What a service's file sees of the world when it is only read for its methods: it must not do anything.
local G = { require = function() end }
local own_globals = skynet.getenv "snax_interface_g"
if own_globals then
	G = require(own_globals)
end

skynet.register_protocol {
	name = "snax",
	id = skynet.PTYPE_SNAX,
	pack = skynet.pack,
	unpack = skynet.unpack,
}

--- The methods of a type of snax services: a table with `name`, and in `accept`, `response` and `system` the number of
-- each. Raises an error when the config has no `snax`, and for a file that is missing or wrong.
function snax.interface(name)
	if types[name] == nil then
		local kind = { name = name, accept = {}, response = {}, system = {} }
		for id, method in ipairs((read_interface(name, G))) do
			kind[method[2]][method[3]] = id
		end
		types[name] = kind
	end
	return types[name]
end

-- A table whose fields are functions made by make(number of the method), when they are first read.
local function methods_of(numbers, text, make)
	return setmetatable({}, {
		__index = function(methods, name)
			local id = numbers[name]
			if not id then
				error(string.format(text, tostring(name)), 2)
			end
			local f = make(id)
			rawset(methods, name, f)
			return f
		end,
	})
end

local object_meta = {
	__tostring = function(object)
		return string.format("[%s:%x]", object.type, object.handle)
	end,
}

local function object_of(handle, kind)
	local object = { type = kind.name, handle = handle }
	object.post = methods_of(kind.accept, "post " .. kind.name .. ":%s no exist", function(id)
		return function(...)
			skynet.send(handle, "snax", id, ...)
		end
	end)
	object.req = methods_of(kind.response, "request " .. kind.name .. ":%s no exist", function(id)
		return function(...)
			return skynet.call(handle, "snax", id, ...)
		end
	end)
	return setmetatable(object, object_meta)
end

--- The object for a snax service that lives at `handle`. Raises `assertion failed!` when it was bound as another type.
-- @return an object with `handle`, `type`, `post` and `req`
function snax.bind(handle, name)
	local object = objects[handle]
	if object == nil then
		object = object_of(handle, snax.interface(name))
		objects[handle] = object
	end
	assert(object.type == name)
	return object
end

--- Launch a snax service and run its init(...) there; the arguments are any values that can be packed. Raises what
-- goes wrong; a service whose init fails is ended (in skynet it stays).
-- @return its handle
function snax.rawnewservice(name, ...)
	local id = snax.interface(name).system.init
	local handle = assert(skynet.newservice("snaxd", name), "the service ended while it started")
	local ok, err = pcall(patient, handle, "snax", id, ...)
	if not ok then
		require("skynet.manager").kill(handle)
		error(err, 0)
	end
	return handle
end

--- As rawnewservice.
-- @return its object
function snax.newservice(name, ...)
	return snax.bind(snax.rawnewservice(name, ...), name)
end

local function from_manager(command, name, ...)
	return snax.bind(assert(patient(".service", "lua", command, "snaxd", name, ...)), name)
end

--- The one instance of a snax service in this process, launched when there is none.
function snax.uniqueservice(name, ...)
	return from_manager("LAUNCH", name, ...)
end

--- The one instance in the network; there is one node, so as uniqueservice.
function snax.globalservice(name, ...)
	return from_manager("GLAUNCH", name, ...)
end

--- Like uniqueservice, but waits until somebody else has launched it.
function snax.queryservice(name)
	return from_manager("QUERY", name)
end

--- Like globalservice, but waits until somebody else has launched it.
function snax.queryglobal(name)
	return from_manager("GQUERY", name)
end

--- Run the service's exit(...) and end it.
function snax.kill(object, ...)
	skynet.call(object.handle, "snax", snax.interface(object.type).system.exit, ...)
end

--- The object of the snax service that this is.
function snax.self()
	return snax.bind(skynet.self(), SERVICE_NAME)
end

--- End the snax service that this is, as kill.
function snax.exit(...)
	snax.kill(snax.self(), ...)
end

local function values_or_raise(ok, ...)
	if ok then
		return ...
	end
	error((...), 0)
end

--- Put the functions that `source` defines (accept.x, response.x, init, exit) in the place of those of a running
-- service: see snax/hotfix.lua. Raises what is wrong with the source; then nothing has changed.
-- @return what the source's own function hotfix(...) returns, which runs in the service when all is in place
function snax.hotfix(object, source, ...)
	local id = snax.interface(object.type).system.hotfix
	return values_or_raise(skynet.call(object.handle, "snax", id, source, ...))
end

--- skynet.error with a format.
function snax.printf(format, ...)
	skynet.error(string.format(format, ...))
end

--- How often each method of a service ran, and for how long: name -> { count =, time = CPU seconds }
function snax.profile_info(object)
	return skynet.call(object.handle, "snax", snax.interface(object.type).system.profile)
end

return snax
