-- SPDX-License-Identifier: MIT
--
-- Tables of the process under the names of files. What query gives is read like a table and cannot be written; it
-- stays as it is when others load the name anew, until `update` is called in this service. On skynet the values
-- are tables of another Lua state; here they are userdata over C memory, as in skynet.sharedata, and hold no functions.

local core = require "skynet.sharedata.core"
require "skynet.sharedtype"

local sharetable = {}
local cache = setmetatable({}, { __mode = "v" })
local PREFIX = "sharetable "

local function publish(filename, chunk, ...)
	local value = chunk(...)
	if type(value) ~= "table" then
		error(string.format("%s returns no table", filename), 3)
	end
	core.publish(PREFIX .. filename, value)
end

--- Run a file and share the table that it returns; ... are its arguments.
function sharetable.loadfile(filename, ...)
	publish(filename, assert(loadfile(filename)), ...)
end

--- The same of a text; "@file" reads that file.
function sharetable.loadstring(filename, source, ...)
	local chunk
	if source:sub(1, 1) == "@" then
		chunk = assert(loadfile(source:sub(2)))
	else
		chunk = assert(loadstring(source, "=" .. filename))
	end
	publish(filename, chunk, ...)
end

--- Share a copy of a table.
function sharetable.loadtable(filename, value)
	if type(value) ~= "table" then
		error("a table expected", 2)
	end
	core.publish(PREFIX .. filename, value)
end

--- What was loaded last under that name; nil when nothing was.
function sharetable.query(filename)
	local found = cache[filename]
	if found == nil or not core.is_newest(found) then
		found = core.query(PREFIX .. filename, true)
		cache[filename] = found
	end
	return found
end

--- A table from names to what query gives: of these names, or of all that are loaded.
function sharetable.queryall(filenames)
	local all = {}
	if filenames then
		for _, filename in ipairs(filenames) do
			all[filename] = sharetable.query(filename)
		end
		return all
	end
	local name = core.next_name(PREFIX)
	while name and name:sub(1, #PREFIX) == PREFIX do
		local filename = name:sub(#PREFIX + 1)
		all[filename] = sharetable.query(filename)
		name = core.next_name(name)
	end
	return all
end

--- All values of these names that this service holds, branches too, have what was loaded last from now on. To read
-- a branch that is not there any more is an error.
function sharetable.update(...)
	for i = 1, select("#", ...) do
		core.refresh(PREFIX .. select(i, ...))
	end
end

return sharetable
