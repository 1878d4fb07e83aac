-- SPDX-License-Identifier: MIT
local object = setmetatable({}, {
	__index = function()
		while true do end -- here
	end,
})
return object.field
