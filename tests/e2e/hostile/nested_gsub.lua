-- SPDX-License-Identifier: MIT
-- C recursion.
local function deep()
	return string.gsub("x", ".", deep) -- here
end

return deep()
