-- SPDX-License-Identifier: MIT
--
-- What `require` does about a module that is nowhere: skynet's old names without prefix (compat10),
-- when lua_path has them, and a plain word about what skynet has and equilune has not. The chunk is
-- called with the name and the function that finds the modules that ship.

local name, find_module = ...

local PREFIXES = { "skynet", "snax", "http", "client", "ltls" }
local NAMES = { bson = true }
local OLD_NAMES = " cluster dns memory mongo mysql redis socket socketchannel socketdriver "

local has_old_names = package.path:find("compat10/", 1, true)

local function old_name()
	return has_old_names and find_module("compat10." .. name)
end

local function is_skynets()
	if NAMES[name] or has_old_names and OLD_NAMES:find(" " .. name .. " ", 1, true) then
		return true
	end
	for _, prefix in ipairs(PREFIXES) do
		if name == prefix or name:sub(1, #prefix + 1) == prefix .. "." then
			return true
		end
	end
end

local loader = old_name()
if not loader and is_skynets() then
	error(string.format("module '%s' is not available in equilune yet: see 'Porting a skynet service' in README.md",
		name), 0)
end
return loader
