-- SPDX-License-Identifier: MIT
local i = 0
while true do -- here
	local list = {} -- here
	for j = 1, 2000 do -- here
		i = i + 1 -- here
		list[j] = (i * 7919 + j * 104729) % 10007 -- here
	end -- here
	table.sort(list, function(a, b) -- here
		return a > b -- here
	end) -- here
end -- here
