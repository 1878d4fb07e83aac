-- SPDX-License-Identifier: MIT
--
-- Schemas in slots of the process, 0 to 127: one service saves them, all others load them, and there is one copy.

local core = require "sproto.core"
local parser = require "sprotoparser"
local sproto = require "sproto"

local loader = {}

--- Parse the file of a schema and save it in that slot.
function loader.register(filename, index)
	local file = assert(io.open(filename))
	local text = file:read "*a"
	file:close()
	loader.save(parser.parse(text, filename), index)
end

--- Save the bytes of a schema in that slot.
function loader.save(bytes, index)
	core.saveproto(assert(core.newproto(bytes)), index)
end

--- An object of the schema in that slot.
function loader.load(index)
	return sproto.sharenew(core.loadproto(index))
end

return loader
