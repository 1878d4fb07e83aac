-- SPDX-License-Identifier: MIT
local chog = require "chog"
while true do -- here
	chog.spin_ms(20) -- here
end -- here
