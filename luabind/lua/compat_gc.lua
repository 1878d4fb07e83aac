-- SPDX-License-Identifier: MIT
--
-- require "compat_gc": from here on, __gc works for tables in this service, as in Lua 5.2 and later:
-- setmetatable marks a table whose metatable has the field __gc at that moment.
--
-- LuaJIT finalizes userdata only, so a marked table holds one, under a key of its own, and that one's
-- environment is the table: both become garbage together, and the finalizer still finds the table.
-- A weak table from tables to userdata would not do: the userdata needs its table, and so would keep
-- it for ever. pairs and next pass the key over (a `next` that was copied before does not);
-- skynet.pack refuses a marked table. Hence opt-in.

local GUARD = newproxy() -- the key

local getfenv, setfenv, getmetatable = debug.getfenv, debug.setfenv, debug.getmetatable
local next, pairs, rawget, rawset, raw_setmetatable, type = next, pairs, rawget, rawset, setmetatable, type

-- Called protected, like the finalizer: see finalizer.lua.
local function report(err)
	local core = package.loaded["skynet.core"]
	if core then
		local ok, text = pcall(tostring, err)
		core.error("error in __gc: " .. (ok and type(text) == "string" and text or "its __tostring gives no text"))
	end
end

-- An error goes to the log: raised, it would hit whatever code happened to allocate.
local function finalize(guard)
	local object = getfenv(guard)
	local meta = getmetatable(object)
	local gc = type(meta) == "table" and rawget(meta, "__gc")
	rawset(object, GUARD, nil)
	if type(gc) == "function" then
		local ok, err = pcall(gc, object)
		if not ok then
			pcall(report, err)
		end
	end
end

local prototype = newproxy(true)
getmetatable(prototype).__gc = function(guard)
	if guard ~= prototype then
		finalize(guard)
	end
end

--- As in Lua 5.2 and later, with __gc.
function setmetatable(object, meta)
	raw_setmetatable(object, meta)
	if type(meta) == "table" and rawget(meta, "__gc") ~= nil and rawget(object, GUARD) == nil then
		local guard = newproxy(prototype)
		setfenv(guard, object)
		rawset(object, GUARD, guard)
	end
	return object
end

local function next_visible(object, key)
	local found, value = next(object, key)
	if found == GUARD then
		return next(object, found)
	end
	return found, value
end

_G.next = next_visible

function _G.pairs(value)
	if type(value) == "table" and rawget(value, GUARD) then
		local meta = getmetatable(value)
		if not (meta and rawget(meta, "__pairs")) then
			return next_visible, value, nil
		end
	end
	local step, state, first = pairs(value)
	return step, state, first
end

return true
