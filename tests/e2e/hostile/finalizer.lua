-- SPDX-License-Identifier: MIT
-- Nor in a finalizer, where it compiles nothing either.
local proxy = newproxy(true)
getmetatable(proxy).__gc = function()
	while true do end
end
proxy = nil
collectgarbage()
