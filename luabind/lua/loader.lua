-- SPDX-License-Identifier: MIT
--
-- The first chunk that runs in the VM of a Lua service. It is called with the line that launched it
-- ("main a b"), finds the service's file, sets up what that file may rely on, and runs it.
--
-- The user's files come before ours, for services as for modules, so that anything that ships can
-- be replaced.

local words = {}
for word in string.gmatch((...), "%S+") do
	words[#words + 1] = word
end

SERVICE_NAME = words[1]
if SERVICE_NAME == nil then
	error("no service name given", 0)
end

local function fill(pattern)
	return (pattern:gsub("%?", function()
		return SERVICE_NAME
	end))
end

-- The folder of the service, and whether it is the service's own (pattern `dir/?/x.lua`).
local function folder_of(pattern)
	local dir, file = pattern:match("^(.*/)([^/]*)$")
	if dir == nil then
		return "", false
	end
	return fill(dir), dir:find("?", 1, true) ~= nil and file:find("?", 1, true) == nil
end

local translate, is_lua54 = EMBEDDED.translate, LUA54

-- Why a file was not compiled, with the way out when it is written for a later Lua.
local function explain(path, err)
	local file = not is_lua54 and translate and io.open(path, "rb")
	if not file then
		return err
	end
	local source = file:read "*a"
	file:close()
	local text, _, line, token = translate(source or "")
	if not text or not token then
		return err
	end
	local version = token == "<" and "5.4" or token:find "^[;(b]" and "5.2" or "5.3"
	return string.format("%s:%d: unexpected symbol near '%s': Lua %s syntax; set lua54 = true in the config",
		path, line, token, version)
end

local function load_file(path)
	local chunk, err = loadfile(path)
	if chunk == nil then
		err = explain(path, err)
	end
	return chunk, err
end

-- A file that exists decides: one with a syntax error is an error, not a reason to look further.
local function load_from(pattern, tried)
	local path = fill(pattern)
	local file, why = io.open(path, "r")
	if file == nil then
		tried[#tried + 1] = "cannot open " .. why
		return nil
	end
	file:close()
	local chunk, err = load_file(path)
	if chunk == nil then
		error({ err }, 0)
	end
	return chunk
end

local function find_service()
	local tried = {}
	for pattern in LUA_SERVICE:gmatch("[^;]+") do
		local chunk = load_from(pattern, tried)
		if chunk then
			return chunk, folder_of(pattern)
		end
	end
	local chunk = EMBEDDED.service(SERVICE_NAME)
	if chunk == nil then
		-- A table: for what is missing a traceback says nothing.
		error({ string.format("service %s not found: %s, and none that ships", SERVICE_NAME, table.concat(tried, "\n")) }, 0)
	end
	return chunk, "", false
end

-- In place of LuaJIT's searcher for Lua files: explains, translates, and as in Lua 5.2 gives the
-- module its path as the second argument.
local function find_lua_module(name)
	local path, tried = package.searchpath(name, package.path)
	if path == nil then
		return tried
	end
	local chunk, err = load_file(path)
	if chunk == nil then
		error(string.format("error loading module '%s' from file '%s':\n\t%s", name, path, err), 0)
	end
	return function(...)
		return chunk(..., path)
	end
end

-- The patterns that do not depend on the current folder.
local function absolute(patterns)
	local kept = {}
	for pattern in patterns:gmatch("[^;]+") do
		if pattern:match "^/.*%?" then
			kept[#kept + 1] = pattern
		end
	end
	return table.concat(kept, ";")
end

-- What is installed on this system for this Lua (lpeg, cjson, ...). It comes last: what one machine has
-- and another has not must not take the place of anything.
local function find_installed(name, path, cpath)
	local file, tried = package.searchpath(name, path)
	if file then
		return assert(loadfile(file))
	end
	local library, tried_too = package.searchpath(name, cpath)
	if library == nil then
		return tried .. tried_too
	end
	local open = "luaopen_" .. name:gsub("^.*%-", ""):gsub("%.", "_")
	local loader, why = package.loadlib(library, open)
	return loader or error(string.format("error loading module '%s' from file '%s':\n\t%s", name, library, why), 0)
end

local function add_searchers()
	local installed_path, installed_cpath = absolute(package.path), absolute(package.cpath)
	package.path, package.cpath = LUA_PATH, LUA_CPATH
	if translate then
		package.loaders[2] = find_lua_module
	end
	local find_module = EMBEDDED.module
	local loaders = package.loaders
	loaders[#loaders + 1] = function(name)
		return find_module(name) or string.format("\n\tno module '%s' that ships", name)
	end
	loaders[#loaders + 1] = function(name)
		return find_installed(name, installed_path, installed_cpath)
	end
	loaders[#loaders + 1] = function(name)
		return find_module "skynet.missing"(name, find_module)
	end
end

add_searchers()
EMBEDDED.module "compat"()
EMBEDDED.module "finalizer"()
if LUA54 then
	require "lua54"(translate)
end
if DEBUG_PAIRS then
	require "skynet.debug_pairs"
end
local main, folder, own = find_service()
local preload = LUA_PRELOAD
SERVICE_PATH = folder
if own then
	package.path = folder .. "?.lua;" .. LUA_PATH
end
if preload then
	preload = assert(load_file(preload))
end
LUA54, DEBUG_PAIRS, EMBEDDED, LUA_SERVICE, LUA_PATH, LUA_CPATH, LUA_PRELOAD = nil, nil, nil, nil, nil, nil, nil

if preload then
	preload(unpack(words))
end
return main(select(2, unpack(words)))
