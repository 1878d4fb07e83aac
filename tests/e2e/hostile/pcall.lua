-- SPDX-License-Identifier: MIT
-- The error that ends it must not be caught.
local function f(n)
	if n % 3 == 0 then -- here
		error("x", 0) -- here
	end
end -- here

local n = 0
while true do -- here
	n = n + 1 -- here
	pcall(f, n) -- here
end -- here
