-- SPDX-License-Identifier: MIT
local core = require "skynet.core"
local list = {}
for i = 1, 2000 do -- here: in the compiler's map until the loop below is compiled
	list[i] = { i, i / 3, name = "number " .. i } -- here
end -- here
while true do -- here
	local packed = core.packstring(list) -- here
	core.unpack(packed) -- here
end -- here
