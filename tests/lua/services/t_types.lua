-- SPDX-License-Identifier: MIT
-- The type stubs say what the modules have: every public function, with its parameters, and nothing else.

local skynet = require "skynet"
local check = dofile(SERVICE_PATH .. "check.lua")
local stub = dofile(SERVICE_PATH .. "stub.lua")

local ROOT = SERVICE_PATH .. "../../../luabind/"

-- Parts of the library that services do not require.
local INTERNAL = {}
for name in ([[compat explain installed loader with_path finalizer lua54 lua54_wide lua54_close lua54_blame skynet.abort
	skynet.call skynet.deadline skynet.deadlock skynet.debug_pairs skynet.ending skynet.extra skynet.failure skynet.inspect skynet.late skynet.launch skynet.life skynet.loading
	skynet.lock skynet.missing skynet.peers skynet.place skynet.pool skynet.protocol skynet.raw skynet.request
	skynet.response skynet.say skynet.serial skynet.serve skynet.task skynet.tasklimit skynet.trace skynet.trim
	skynet.unexpected]]):gmatch "%S+" do
	INTERNAL[name] = true
end

local function files(folder)
	local pipe = assert(io.popen(string.format("cd '%s' && find . -name '*.lua'", ROOT .. folder)))
	local list = {}
	for line in pipe:lines() do
		list[#list + 1] = line:match "^%./(.*)%.lua$"
	end
	pipe:close()
	table.sort(list)
	return list
end

local function read_all()
	local stubs, known = {}, setmetatable({}, { __index = stub.known })
	for _, path in ipairs(files "types") do
		local file = assert(io.open(ROOT .. "types/" .. path .. ".lua"))
		local name = path:gsub("/", ".")
		local one, mistakes = stub.read(file:read "*a", path .. ".lua")
		file:close()
		check.eq(table.concat(mistakes, "\n"), "", "the stubs of " .. name .. " are well formed")
		stubs[name] = one
		for _, names in ipairs { one.classes, one.aliases } do
			for class in pairs(names) do
				known[class] = true
			end
		end
	end
	local unknown = {}
	for name, one in pairs(stubs) do
		for _, use in ipairs(one.used) do
			if not known[use.name] then
				unknown[#unknown + 1] = string.format("%s:%d: no type %s", name, use.line, use.name)
			end
		end
	end
	check.eq(table.concat(unknown, "\n"), "", "all types are declared")
	return stubs
end

-- Functions that become fields when they are first read.
local function load_late()
	for _ in pairs(skynet) do
		-- which reads them all
	end
end

-- Where the functions of a class are that is no module.
local function methods_of(class)
	if class == "skynet.requests" then
		return getmetatable(skynet.request()).__index
	elseif class == "skynet.multicast.channel" then
		local channel = require("skynet.multicast").new()
		local methods = getmetatable(channel).__index
		channel:delete()
		return methods
	elseif class == "sproto.host" then
		local schema = require("sproto").parse ".package {\n type 0 : integer\n session 1 : integer\n}\n"
		return getmetatable(schema:host()).__index
	end
end

-- A table of figures for each class that is one.
local function figures_of(class)
	local sched = require "skynet.sched"
	return class == "skynet.sched.service" and sched.get() or class == "skynet.sched.totals" and sched.totals()
		or class == "skynet.sched.cpu" and sched.totals().cpu
		or class == "skynet.codecache.figures" and require("skynet.codecache").figures() or nil
end

local function parameters_of(f)
	local info, list = debug.getinfo(f, "Su"), {}
	if info.what == "C" then
		return nil
	end
	for i = 1, info.nparams do
		list[i] = debug.getlocal(f, i)
	end
	if info.isvararg then
		list[#list + 1] = "..."
	end
	return list
end

local lines_of = setmetatable({}, { __index = function(self, path)
	local lines = {}
	for line in io.lines(path) do
		lines[#lines + 1] = line
	end
	self[path] = lines
	return lines
end })

-- A function of the library is explained where it stands, too.
local function has_comment(f)
	local info = debug.getinfo(f, "S")
	local path = info.source:match "^@luabind/lua/(.+)$"
	if path == nil then
		return true
	end
	local before = lines_of[ROOT .. "lua/" .. path][info.linedefined - 1]
	return before:find "^%s*%-%-" ~= nil
end

local function same_parameters(real, told)
	if real == nil then
		return true -- a function in C does not tell
	end
	for i = 1, math.max(#real, #told) do
		local unused = real[i] == "_" and told[i] and told[i]:sub(1, 1) == "_"
		if real[i] ~= told[i] and not unused then
			return false
		end
	end
	return true
end

local function compare(f, real, mistakes)
	if type(real) ~= "function" then
		mistakes[#mistakes + 1] = string.format("%s does not exist", f.name)
		return
	end
	if not has_comment(real) then
		mistakes[#mistakes + 1] = string.format("%s has no comment in the source", f.name)
	end
	local parameters = parameters_of(real)
	if not same_parameters(parameters, f.params) then
		mistakes[#mistakes + 1] = string.format("%s has the parameters (%s), not (%s)", f.name,
			table.concat(parameters, ", "), table.concat(f.params, ", "))
	end
end

local function at_path(path)
	local value = _G
	for name in path:gmatch "[^.]+" do
		value = value[name]
	end
	return value
end

-- What was told of each real table: several files may tell of one.
local told = {}

local function tell(real, class, name)
	local entry = told[real] or { fields = {}, functions = {}, names = {} }
	told[real] = entry
	entry.names[#entry.names + 1] = name
	for field, kind in pairs(class and class.fields or {}) do
		entry.fields[field] = kind
	end
	return entry
end

-- The table that a function of a stub is in.
local function owner_of(one, f, module)
	local class = one.owners[f.owner]
	if f.owner == one.returned then
		return module, class
	elseif class then
		return methods_of(class), class
	end
	return at_path(f.owner), nil
end

local function check_module(name, one)
	local module, mistakes = nil, {}
	if name ~= "globals" then
		module = require(name)
		local alias = one.returned:match '^require "(.+)"$'
		for key in pairs(alias and require(alias) or {}) do
			check.ok(module[key] ~= nil, name .. " is " .. alias, key)
		end
		if one.owners[one.returned] then
			tell(module, one.classes[one.owners[one.returned]], name)
		end
	end
	for _, f in ipairs(one.functions) do
		if f.owner == "local" then
			compare(f, module, mistakes)
		else
			local owner, class = owner_of(one, f, module)
			pairs(owner) -- opens a library of Lua's that nobody has used yet
			compare(f, rawget(owner, f.name), mistakes)
			if class then
				tell(owner, one.classes[class], class).functions[f.name] = true
			end
		end
	end
	for _, value in ipairs(one.values) do
		if at_path(value) == nil then
			mistakes[#mistakes + 1] = value .. " does not exist"
		end
	end
	for class, entry in pairs(one.classes) do
		local figures = figures_of(class)
		if figures then
			tell(figures, entry, class)
		end
	end
	check.eq(table.concat(mistakes, "\n"), "", "what is told of " .. name .. " is there")
end

local function check_rest()
	for real, entry in pairs(told) do
		local mistakes = {}
		for key, value in pairs(real) do
			local known = entry.functions[key] or entry.fields[key]
			if not known and key:sub(1, 1) ~= "_" then
				mistakes[#mistakes + 1] = string.format("the %s %s is not told of", type(value), key)
			end
		end
		for field, kind in pairs(entry.fields) do
			if kind == "there" and real[field] == nil and not entry.names[1]:find "channel" then
				mistakes[#mistakes + 1] = string.format("the field %s does not exist", field)
			end
		end
		check.eq(table.concat(mistakes, "\n"), "", "all of " .. entry.names[1] .. " is told of")
	end
end

local function every_module(stubs)
	local missing = {}
	for _, path in ipairs(files "lua") do
		local name = path:gsub("/", ".")
		if not stubs[name] and not INTERNAL[name] and not name:find "^compat10%." then
			missing[#missing + 1] = name
		end
	end
	check.eq(table.concat(missing, " "), "", "every module that is not internal has stubs")
end

-- The reader of the stubs finds mistakes.
local function reader()
	local function mistakes(text)
		return table.concat(select(2, stub.read(text, "x")), "\n")
	end
	local good = "---@class a\nlocal a = {}\n\n---Text.\n---@param b? fun(x: integer, ...: any): string[], {y: a}|\"z\"\n"
		.. "---@param ... table<string, a?>\n---@return 0|nil, c\nfunction a.f(b, ...) end\n\nreturn a\n"
	check.eq(mistakes(good), "", "a good one")
	for what, change in pairs {
		["no text says"] = { "%-%-%-Text.\n", "" },
		["has the parameters"] = { "@param b", "@param c" },
		["unknown tag"] = { "@return", "@returns" },
		["type expected"] = { "0|nil", "0|" },
		["'>' expected"] = { "a%?>", "a?" },
		["'}' expected"] = { "a}", "a" },
		["not understood"] = { "function a.f", "function a.f.g.h = " },
		["without @class"] = { "%-%-%-@class a", "--- a" },
		["after @return"] = { "(%-%-%-@param %.%.%. .-\n)(%-%-%-@return .-\n)", "%2%1" },
	} do
		check.ok(mistakes((good:gsub(change[1], change[2]))):find(what, 1, true), "mistake: " .. what,
			mistakes((good:gsub(change[1], change[2]))))
	end
end

check.run(function()
	reader()
	local stubs = read_all()
	load_late()
	every_module(stubs)
	for name, one in pairs(stubs) do
		check_module(name, one)
	end
	check_rest()
end)
