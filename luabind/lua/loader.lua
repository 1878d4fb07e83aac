-- SPDX-License-Identifier: MIT
--
-- The first chunk that runs in the VM of a Lua service. It is called with the line that launched it
-- ("main a b"), finds the service's file, sets up what that file may rely on, and runs it. Where
-- modules are found is set before, in C: searcher.c.
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

local shipped, load_file = EMBEDDED, EMBEDDED.load_file

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

-- A file that exists decides: one with a syntax error is an error, not a reason to look further.
local function load_from(pattern, tried)
	local path = fill(pattern)
	if not shipped.is_cached(path) then
		local readable, why = shipped.readable(path)
		if not readable then
			tried[#tried + 1] = "cannot open " .. why
			return nil
		end
	end
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
	local chunk = shipped.service(SERVICE_NAME)
	if chunk == nil then
		-- A table: for what is missing a traceback says nothing.
		error({ string.format("service %s not found: %s, and none that ships", SERVICE_NAME, table.concat(tried, "\n")) }, 0)
	end
	return chunk, "", false
end

if LUA54 then
	require "lua54"(shipped.translate)
end
if DEBUG_PAIRS then
	require "skynet.debug_pairs"
end
local main, folder, own = find_service()
local preload = LUA_PRELOAD
SERVICE_PATH = folder
if own then
	package.path = folder .. "?.lua;" .. package.path
end
if preload then
	preload = assert(load_file(preload))
end
LUA54, DEBUG_PAIRS, LUA_SERVICE, LUA_PRELOAD, EMBEDDED = nil, nil, nil, nil, nil
shipped.is_loaded()

if preload then
	preload(unpack(words))
end
return main(select(2, unpack(words)))
