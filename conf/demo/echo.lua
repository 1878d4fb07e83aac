-- SPDX-License-Identifier: MIT
--
-- Answers what it is asked.

local skynet = require "skynet"
require "skynet.manager"

skynet.start(function()
	skynet.dispatch("lua", function(session, address, ...)
		skynet.retpack(...)
	end)
	skynet.register ".echo"
end)
