-- SPDX-License-Identifier: MIT
--
-- Data that every service reads and none has a copy of: tables of the process, under names. What query gives is a
-- userdata that reads like a table (indexing, #, pairs, ipairs) and cannot be written. After an update it has the
-- new values from the next message on: within one, between two calls, all is of one state. skynet has a service
-- for this; here it is C memory with counted references, so nothing waits and nothing is sent.

local core = require "skynet.sharedata.core"
require "skynet.sharedtype"

local sharedata = {}
local cache = setmetatable({}, { __mode = "v" })

-- sharetable and datasheet have names of their own.
local PREFIX = "sharedata "

-- A table; "@file" or a chunk's text: the globals that it sets, or the table that it returns.
local function evaluate(name, value, ...)
	local kind = type(value)
	if kind == "nil" then
		return {}
	elseif kind == "table" then
		return value
	elseif kind ~= "string" then
		error("Unknown data type " .. kind, 3)
	end
	local env = setmetatable({}, { __index = _G })
	local chunk
	if value:sub(1, 1) == "@" then
		chunk = assert(loadfile(value:sub(2)))
	else
		chunk = assert(loadstring(value, "=" .. name))
	end
	local result = setfenv(chunk, env)(...)
	return type(result) == "table" and result or setmetatable(env, nil)
end

--- Publish a value under a new name.
-- @param value a table, the text of a Lua chunk, or "@" and its file; ... are the chunk's arguments
function sharedata.new(name, value, ...)
	if not core.publish(PREFIX .. name, evaluate(name, value, ...), true) then
		error(string.format("shared data %s exists already", name), 2)
	end
end

--- Put a new value in the place of the old one, or publish it.
function sharedata.update(name, value, ...)
	core.publish(PREFIX .. name, evaluate(name, value, ...), false)
end

--- Take the name away. Who has queried it keeps the last value.
function sharedata.delete(name)
	if not core.delete(PREFIX .. name) then
		error(string.format("no shared data %s", name), 2)
	end
end

--- What is published under the name; the same userdata each time, as long as somebody holds it.
function sharedata.query(name)
	local found = cache[name]
	if found == nil or core.is_deleted(found) then
		found = core.query(PREFIX .. name) or error(string.format("call failed: no shared data %s", name), 2)
		cache[name] = found
	end
	return found
end

--- Let go of what is not used any more.
function sharedata.flush()
	for _, found in pairs(cache) do
		local _ = #found -- goes over to the newest
	end
	collectgarbage()
end

--- A table of one's own: of all, or of what is under these keys; a plain value is returned as it is.
function sharedata.deepcopy(name, ...)
	local found = sharedata.query(name)
	for i = 1, select("#", ...) do
		local key = select(i, ...)
		if key == nil then
			break
		end
		found = found[key]
		if type(found) ~= "table" then
			return found
		end
	end
	return core.copy(found)
end

return sharedata
