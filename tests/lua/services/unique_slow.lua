-- SPDX-License-Identifier: MIT
-- A service whose start takes 0.1 s.

local skynet = require "skynet"

skynet.start(function()
	skynet.sleep(10)
end)
