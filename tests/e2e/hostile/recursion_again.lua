-- SPDX-License-Identifier: MIT
local function deep(n) -- here
	return 1 + deep(n + 1) -- here
end

while true do -- here
	pcall(deep, 1) -- here
end -- here
