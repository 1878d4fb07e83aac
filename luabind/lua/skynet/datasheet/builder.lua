-- SPDX-License-Identifier: MIT
--
-- Publishes the sheets that skynet.datasheet reads: tables, or what compile has made of one.

local core = require "skynet.sharedata.core"
local skynet_core = require "skynet.core"

local builder = {}

local function table_of(value)
	if type(value) == "string" then
		value = skynet_core.unpack(value)
	end
	if type(value) ~= "table" then
		error("a table, or the bytes of builder.compile, expected", 3)
	end
	return value
end

--- Publish a sheet under a new name.
function builder.new(name, value)
	if not core.publish("datasheet " .. name, table_of(value), true) then
		error(string.format("datasheet %s exists already", name), 2)
	end
end

--- Put a new sheet in the place of the old one.
function builder.update(name, value)
	core.publish("datasheet " .. name, table_of(value), false)
end

--- A table as a string, to be kept and given to new or update. The format is ours (skynet.pack), not skynet's.
function builder.compile(value)
	return skynet_core.packstring(value)
end

return builder
