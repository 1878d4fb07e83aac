-- SPDX-License-Identifier: MIT
--
-- The methods of a snax service, read from its file: what it puts into `accept` and `response`, and its global
-- functions init, exit, hotfix and profile. The same file is read in two places: by the service itself (snaxd), to
-- be what it is, and by whoever wants to talk to it (skynet.snax), for the numbers of the methods only. The number of
-- a method is its place in the file, so both must find the same file.

local skynet = require "skynet"

local SYSTEM = { "init", "exit", "hotfix", "profile" }

-- A file that exists decides, as for services: see loader.lua.
local function find(path, name, G)
	local tried = {}
	for pattern in path:gmatch "[^;]+" do
		local filename = pattern:gsub("%?", function()
			return name
		end)
		local file, why = io.open(filename, "r")
		if file then
			file:close()
			return assert(loadfile(filename, nil, G)), pattern
		end
		tried[#tried + 1] = "cannot open " .. why
	end
	error(table.concat(tried, "\n"), 0)
end

-- `accept` or `response`: a table that only takes functions, each once, and adds them to `methods`.
local function group_of(methods, group)
	local taken = {}
	return setmetatable({}, {
		__newindex = function(_, name, f)
			if type(name) ~= "string" then
				error(string.format("%s method only support string", group), 2)
			elseif type(f) ~= "function" then
				error(string.format("%s.%s must be function", group, name), 2)
			elseif taken[name] then
				error(string.format("%s.%s duplicate definition", group, name), 2)
			end
			taken[name] = true
			methods[#methods + 1] = { #methods + 1, group, name, f }
		end,
	})
end

local function system_methods()
	local methods, number = {}, {}
	for id, name in ipairs(SYSTEM) do
		methods[id] = { id, "system", name }
		number[name] = id
	end
	return methods, number
end

-- Run the file with G as its globals. What it sets is kept apart until it is through, so that a file that fails leaves
-- G as it was.
local function run(chunk, G, methods, number)
	local globals = {}
	local groups = { accept = group_of(methods, "accept"), response = group_of(methods, "response") }
	setmetatable(G, {
		__index = function(_, name)
			return groups[name] or globals[name]
		end,
		__newindex = function(_, name, value)
			local id = number[name]
			if not id then
				globals[name] = value
			elseif type(value) == "function" then
				methods[id][4] = value
			else
				error(string.format("%s must be a function", name), 2)
			end
		end,
	})
	local ok, err = xpcall(chunk, debug.traceback)
	setmetatable(G, nil)
	if not ok then
		error(err, 0)
	end
	for name, value in pairs(globals) do
		G[name] = value
	end
end

--- Read the methods of the snax service `name`, found by the config's `snax`. Raises `please set snax in config file`
-- without that, and what is wrong with the file.
-- @param G the globals that the file sees, and that it adds its own to; a table without a metatable
-- @param loader nil, or a function(path, name, G) -> chunk, pattern that finds the file
-- @return an array of { number, group, name, function or nil } (group: "system", "accept", "response"; the first
-- four are init, exit, hotfix, profile), the pattern of the path that it was found by, and its chunk
return function(name, G, loader)
	assert(getmetatable(G) == nil)
	assert(G.init == nil and G.exit == nil and G.accept == nil and G.response == nil)
	local path = assert(skynet.getenv "snax", "please set snax in config file")
	local chunk, pattern = (loader or find)(path, name, G)
	local methods, number = system_methods()
	run(assert(chunk, pattern), G, methods, number)
	return methods, pattern, chunk
end
