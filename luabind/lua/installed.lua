-- SPDX-License-Identifier: MIT
--
-- A module that is installed on this system for this Lua (lpeg, cjson, ...). Called with its name and the paths that
-- LuaJIT came with; gives its loader, or where it was looked for.

local name, path, cpath = ...

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

local file, tried = package.searchpath(name, absolute(path))
if file then
	return assert(loadfile(file))
end
local library, tried_too = package.searchpath(name, absolute(cpath))
if library == nil then
	return tried .. tried_too
end
local open = "luaopen_" .. name:gsub("^.*%-", ""):gsub("%.", "_")
local loader, why = package.loadlib(library, open)
return loader or error(string.format("error loading module '%s' from file '%s':\n\t%s", name, library, why), 0)
