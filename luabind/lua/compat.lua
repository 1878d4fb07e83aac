-- SPDX-License-Identifier: MIT
--
-- What Lua 5.2 to 5.4 have and LuaJIT lacks, put into the globals of each VM before the service's
-- own code runs; the rest is in compat.c.
--
-- pairs and ipairs stand in the hottest loops of a service, so what they do for a table without a
-- metatable is what LuaJIT compiles: one getmetatable, and `next` itself handed back. Compiled, such
-- a loop costs what it did (the check is folded into the trace); interpreted, its start costs one
-- Lua call more (about 50 ns), its steps nothing.

local true_metatable = ... -- debug.getmetatable would open a library that few services use
local getmetatable, next, raw_ipairs, rawget, type = getmetatable, next, ipairs, rawget, type

local function refuse(name, value, level)
	error(string.format("bad argument #1 to '%s' (table expected, got %s)", name, type(value)), level)
end

-- What has a metatable, or is no table at all. The field __metatable may hide the true one.
local function pairs_by_metatable(value)
	local meta = true_metatable(value)
	local iterate = meta and rawget(meta, "__pairs")
	if iterate then
		local step, state, first = iterate(value)
		return step, state, first
	end
	if type(value) ~= "table" then
		refuse("pairs", value, 4)
	end
	return next, value, nil
end

--- As in Lua 5.4: __pairs(value) decides when there is one.
function pairs(value)
	if type(value) == "table" and getmetatable(value) == nil then
		return next, value, nil
	end
	local step, state, first = pairs_by_metatable(value)
	return step, state, first
end

local function step_by_index(value, index)
	index = index + 1
	local element = value[index]
	if element ~= nil then
		return index, element
	end
end

--- As in Lua 5.4: elements are read through __index.
function ipairs(value)
	if type(value) == "table" and getmetatable(value) == nil then
		return raw_ipairs(value)
	elseif true_metatable(value) == nil then
		refuse("ipairs", value, 3)
	end
	return step_by_index, value, 0
end

_G._ENV = _G
