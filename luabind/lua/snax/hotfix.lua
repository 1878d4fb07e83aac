-- SPDX-License-Identifier: MIT
--
-- New functions for a snax service that runs. A patch is source like the service's own file: what it defines takes the
-- place of what the service had by that name, and a local variable that it declares without a value is the service's
-- variable of that name. Its functions see the service's globals; its main chunk sees a copy of them.
--
-- One trap: LuaJIT compiles the value of a local variable into machine code where the file that declares it never
-- assigns to it, and drops assignments to such a variable. A patch that assigns to one would be half ignored. So when
-- there is one, the file and its patches are interpreted from then on.

local read_interface = require "snax.interface"
local util = require "jit.util"

local band, rshift = bit.band, bit.rshift
local getupvalue, upvalueid = debug.getupvalue, debug.upvalueid

local PATCH = "=patch"

-- Numbers of the instructions that assign to a variable of an outer function; they differ between versions.
local ASSIGNS = (function()
	local v
	local samples = {
		function() v = {} end,
		function() v = "" end,
		function() v = 1 end,
		function() v = nil end,
	}
	local set = {}
	for i, f in ipairs(samples) do
		set[band(util.funcbc(f, i == 1 and 2 or 1), 0xff)] = true
	end
	return set, v
end)()

-- Adds the outer variables that a function (or prototype), or one inside of it, assigns to: name -> true
local function find_assigned(f, into)
	local info = util.funcinfo(f)
	for pc = 1, info.bytecodes - 1 do
		local instruction = util.funcbc(f, pc)
		if ASSIGNS[band(instruction, 0xff)] then
			into[util.funcuvname(f, band(rshift(instruction, 8), 0xff))] = true
		end
	end
	for i = 1, info.gcconsts do
		local constant = util.funck(f, -i)
		if type(constant) == "proto" then
			find_assigned(constant, into)
		end
	end
	return into
end

local function source_of(f)
	return debug.getinfo(f, "S").source
end

-- Adds the variables that f and the functions among them see: name -> { f, index, id, assigned }. Only functions of the
-- service's file and of earlier patches are looked into, not those of modules.
local function collect(f, sources, into)
	local assigned = find_assigned(f, {})
	for i = 1, math.huge do
		local name, value = getupvalue(f, i)
		if name == nil then
			return
		end
		local id, known = upvalueid(f, i), into[name]
		if known == nil then
			into[name] = { f = f, index = i, id = id }
			if type(value) == "function" and sources[source_of(value)] then
				collect(value, sources, into)
			end
		elseif known.id ~= id then
			error(string.format("ambiguity local value %s", name), 0)
		end
		into[name].assigned = into[name].assigned or assigned[name]
	end
end

local function variables_of(methods)
	local variables, sources = {}, { [PATCH] = true }
	for _, chunk in ipairs(methods.chunks) do
		sources[source_of(chunk)] = true
	end
	for _, method in ipairs(methods) do
		if method[4] then
			collect(method[4], sources, variables)
		end
	end
	return variables
end

-- Make f, a function of a patch, and those that it uses part of the service. Notes in `joined` which variables are
-- the service's now.
local function join(f, env, variables, joined, seen)
	seen[f] = true
	setfenv(f, env)
	for i = 1, math.huge do
		local name, value = getupvalue(f, i)
		if name == nil then
			return
		end
		local variable = variables[name]
		if value == nil and variable then
			debug.upvaluejoin(f, i, variable.f, variable.index)
			joined[name] = true
		elseif type(value) == "function" and not seen[value] and source_of(value) == PATCH then
			join(value, env, variables, joined, seen)
		end
	end
end

local function copy_of(globals)
	local copy = {}
	for k, v in pairs(globals) do
		copy[k] = v
	end
	return copy
end

local function read_patch(source)
	return read_interface("patch", copy_of(_G), function(_, _, G)
		local chunk, err = loadstring(source, PATCH)
		if chunk == nil then
			error(err, 0)
		end
		return setfenv(chunk, G), ""
	end)
end

local function find_method(methods, group, name)
	for _, method in ipairs(methods) do
		if method[2] == group and method[3] == name then
			return method
		end
	end
	error(string.format("Patch mismatch %s.%s", group, name), 0)
end

-- The service's methods that the patch has a function for: method -> function
local function replacements(methods, patch)
	local found = {}
	for _, method in ipairs(patch) do
		if method[4] then
			found[find_method(methods, method[2], method[3])] = method[4]
		end
	end
	return found
end

local function interpret_if_needed(methods, chunk, variables, joined)
	local needed = false
	for name in pairs(find_assigned(chunk, {})) do
		needed = needed or joined[name] and not variables[name].assigned
	end
	table.insert(methods.chunks, chunk)
	methods.interpreted = methods.interpreted or needed
	if methods.interpreted then
		for _, one in ipairs(methods.chunks) do
			jit.off(one, true)
		end
		jit.flush()
	end
end

--- Patch the methods (of snax.interface, with the chunks of the file and its patches in `chunks`) with `source`. Raises
-- `Patch mismatch accept.x` for a function that the service has not, and `ambiguity local value x` when two of
-- its variables have that name; nothing has changed then.
-- @return what the patch's function hotfix(...) returns, if it has one
return function(methods, source, ...)
	local patch, _, chunk = read_patch(source)
	local variables, joined = variables_of(methods), {}
	local found, seen = replacements(methods, patch), {}
	for _, f in pairs(found) do
		join(f, _G, variables, joined, seen)
	end
	interpret_if_needed(methods, chunk, variables, joined)
	for method, f in pairs(found) do
		method[4] = f
	end
	local hotfix = patch[3][4]
	if hotfix then
		return hotfix(...)
	end
end
