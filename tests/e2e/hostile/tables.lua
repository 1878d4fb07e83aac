-- SPDX-License-Identifier: MIT
local keep, i = {}, 0
while true do -- here
	i = i + 1 -- here
	keep[i % 100 + 1] = { i, { name = i } } -- here
end -- here
