-- SPDX-License-Identifier: MIT
-- A C stack that grows without a limit of LuaJIT's own.
local function deep()
	return coroutine.wrap(deep)() -- here
end

return deep()
