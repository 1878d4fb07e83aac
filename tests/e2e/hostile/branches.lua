-- SPDX-License-Identifier: MIT
-- Branches that are seldom taken, so that side traces come late.
local x, rare = 1, 0
while true do -- here
	x = (x * 1103515245 + 12345) % 2147483648 -- here
	if x % 1009 == 0 then -- here
		rare = rare + 1 -- here
	end
end -- here
