-- SPDX-License-Identifier: MIT
--
-- Finalizers that fail. LuaJIT raises an error in a finalizer into whatever code happened to allocate, and when
-- the collector ran at the exit of a compiled trace, the LuaJIT of Debian 12 crashes the process (there is no frame
-- that the error could be unwound through). So the finalizers that Lua code can set (of newproxy, ffi.gc and
-- ffi.metatype) are called in protected mode, and their errors go to the log, as in Lua 5.4. Loaded by the first
-- newproxy(true) or require "ffi": see finalizer.c.

local pcall, rawset, setmetatable, tostring, type = pcall, rawset, setmetatable, tostring, type

-- Its own errors are caught, too: a `__tostring` that raises, and a memory limit that leaves no room for the text.
local function report(err)
	local core = package.loaded["skynet.core"]
	local ok, text = pcall(tostring, err)
	core.error("error in __gc: " .. (ok and type(text) == "string" and text or "its __tostring gives no text"))
end

-- function -> the protected one. Both sides weak: it lives as long as an object has it for a finalizer, and a
-- compiled loop that calls ffi.gc with one function finds it without making a closure.
local protected = setmetatable({}, { __mode = "kv" })

local function protect(f)
	if type(f) ~= "function" then
		return f -- C functions of the FFI raise nothing
	end
	local safe = protected[f]
	if safe == nil then
		safe = function(object)
			local ok, err = pcall(f, object)
			if not ok then
				pcall(report, err)
			end
		end
		protected[f] = safe
	end
	return safe
end

local guards = {}

--- The metatable of a proxy's metatable.
guards.watched = {
	__newindex = function(meta, key, value)
		rawset(meta, key, key == "__gc" and protect(value) or value)
	end,
}

--- Give the FFI a gc and a metatype that protect.
-- @return it
function guards.guard_ffi(ffi)
	local gc, metatype = ffi.gc, ffi.metatype
	function ffi.gc(object, finalizer)
		return gc(object, protect(finalizer))
	end
	function ffi.metatype(ct, meta)
		local f = type(meta) == "table" and rawget(meta, "__gc")
		if f then
			rawset(meta, "__gc", protect(f))
		end
		return metatype(ct, meta)
	end
	return ffi
end

return guards
