-- SPDX-License-Identifier: MIT
-- Computes with a lock of the module's own in its hands.
local chog = require "chog"
while true do -- here
	chog.hold_ms(20) -- here
end -- here
