-- SPDX-License-Identifier: MIT
--
-- A record of a sproto type that one service writes and others read: skynet.stm with names. The schema is in slot 0 of
-- sprotoloader, for all services.

local stm = require "skynet.stm"
local sprotoloader = require "sprotoloader"

local sharemap = {}
local schema

local function get_schema()
	schema = schema or sprotoloader.load(0)
	return schema
end

--- Read the schema from a file, for the whole process. Once, by whoever comes first.
function sharemap.register(filename)
	sprotoloader.register(filename, 0)
end

local function commit(writer)
	writer.__obj(get_schema():encode(writer.__typename, writer.__data))
end

local function copy(writer)
	return stm.copy(writer.__obj)
end

--- A record to be written, of the values in the table `data`. Its fields are assigned like a table's; readers see them
-- after writer:commit(). writer:copy() is what readers are made of.
function sharemap.writer(typename, data)
	data = data or {}
	local writer = {
		__typename = typename,
		__obj = stm.new(get_schema():encode(typename, data)),
		__data = data,
		commit = commit,
		copy = copy,
	}
	return setmetatable(writer, { __index = data, __newindex = data })
end

local function decode(msg, sz, reader)
	local data = reader.__data
	for key in pairs(data) do
		data[key] = nil
	end
	return get_schema():decode(reader.__typename, msg, sz, data)
end

local function update(reader)
	return reader.__obj(decode, reader)
end

local function refuse(_, key)
	error(string.format("a reader of skynet.sharemap cannot be written (key %s)", tostring(key)), 2)
end

--- A record to be read, of what writer:copy() gave. It has the values of its last reader:update(), which tells whether
-- there were new ones.
function sharemap.reader(typename, copied)
	local data = {}
	local reader = { __typename = typename, __obj = stm.newcopy(copied), __data = data, update = update }
	update(reader)
	return setmetatable(reader, { __index = data, __newindex = refuse })
end

return sharemap
