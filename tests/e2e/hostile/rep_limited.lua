-- SPDX-License-Identifier: MIT
-- With a memlimit: not enough memory, long before anybody looks.
local keep = {}
while true do
	keep[#keep + 1] = string.rep("x", 1000000 + #keep) -- here
end
