-- SPDX-License-Identifier: MIT
-- Without one; what it keeps is bounded by the collector.
local n = 0
while true do -- here
	n = (n + 1) % 1000 -- here
	local s = string.rep("x", 4000000 + n) -- here
end -- here
