-- SPDX-License-Identifier: MIT
--
-- Running a piece of code inside of a service that lives: the debug command RUN. The code sees the
-- service's globals, and in _U and _P what only closures can see.

local require = require("skynet.require").original -- what ships does not wait while it is loaded
local core = require "skynet.core"
local text_of = require("skynet.failure").text_of

-- Adds the upvalues of f, and of the functions among them, to `into` by name; the first of a name
-- counts.
local function collect_upvalues(f, into, seen)
	if seen[f] then
		return
	end
	seen[f] = true
	for i = 1, math.huge do
		local name, value = debug.getupvalue(f, i)
		if name == nil then
			return
		end
		if name ~= "" and into[name] == nil then
			into[name] = value
		end
		if type(value) == "function" then
			collect_upvalues(value, into, seen)
		end
	end
end

local function upvalues_of(functions)
	local into, seen = {}, {}
	for _, f in next, functions do -- those that are loaded
		if type(f) == "function" then
			collect_upvalues(f, into, seen)
		end
	end
	return into
end

local function of_protocols(registry)
	local result = {}
	for name, p in pairs(registry) do
		if type(name) == "string" and p.dispatch then
			result[name] = upvalues_of { p.dispatch }
		end
	end
	return result
end

local function print_into(output)
	return function(...)
		local words = { ... }
		for i = 1, select("#", ...) do
			words[i] = tostring(words[i])
		end
		output[#output + 1] = table.concat(words, "\t")
	end
end

--- Run `source` (text of a chunk called `filename`) with the arguments `args` (an array, or nil) in
-- this service. What it prints is collected. It finds in _U the upvalues of skynet's functions, by
-- name, and in _P, by protocol, those of the dispatch function.
-- @return whether it ran to its end, and an array of lines: what it printed, and the error
return function(skynet, source, filename, args)
	local output = {}
	local chunk, err = loadstring(source, "@" .. (filename or "=(inject)"))
	if chunk == nil then
		return false, { err }
	end
	local env = { print = print_into(output), _U = upvalues_of(skynet), _P = of_protocols(skynet._proto) }
	setfenv(chunk, setmetatable(env, { __index = _G }))
	local ok
	ok, err = xpcall(chunk, core.traceback, unpack(args or {}))
	if not ok then
		output[#output + 1] = text_of(err)
	end
	return ok, output
end
