-- SPDX-License-Identifier: MIT
local i = 0
while true do -- here
	i = i + 1 -- here
end -- here
