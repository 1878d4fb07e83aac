-- SPDX-License-Identifier: MIT
local i = 0
while true do -- here
	i = i + 1 -- here
	loadstring("local x = " .. i .. " for i = 1, 100 do x = x + i end return x")() -- here
end -- here
