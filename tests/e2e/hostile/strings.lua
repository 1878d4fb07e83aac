-- SPDX-License-Identifier: MIT
local i = 0
while true do -- here
	local s = "" -- here
	for j = 1, 50 do -- here
		i = i + 1 -- here
		s = s .. i .. "," .. j -- here
	end -- here
end -- here
