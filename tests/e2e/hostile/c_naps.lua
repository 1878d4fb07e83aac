-- SPDX-License-Identifier: MIT
-- In Lua again and again.
local chog = require "chog"
while true do -- here
	chog.sleep_ms(5) -- here
end -- here
