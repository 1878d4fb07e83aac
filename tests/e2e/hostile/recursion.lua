-- SPDX-License-Identifier: MIT
local function deep(n)
	return 1 + deep(n + 1) -- here
end

return deep(1)
