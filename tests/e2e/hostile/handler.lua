-- SPDX-License-Identifier: MIT
-- LuaJIT calls no hook in a message handler.
xpcall(error, function()
	while true do end -- here
end, "x")
