-- SPDX-License-Identifier: MIT

local getinfo = debug.getinfo

--- Raise an error that names the line of the user's which led into the files lua54*.lua.
return function(message)
	local level = 2
	while true do
		local frame = getinfo(level, "S")
		if frame == nil or not frame.source:find("^@luabind/lua/lua54") then
			break
		end
		level = level + 1
	end
	error(message, level)
end
