-- SPDX-License-Identifier: MIT
local text = string.rep("some words to replace ", 200)
while true do -- here
	text:gsub("%w+", function(word) -- here
		return #word > 2 and word:reverse() or nil -- here
	end) -- here
end -- here
