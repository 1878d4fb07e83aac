-- SPDX-License-Identifier: MIT
-- dofile(SERVICE_PATH .. "soon.lua") -> soon(seconds, f): waits until f() is true, and returns what it gave; false when it was
-- not within so many seconds.

local skynet = require "skynet"

return function(seconds, f)
	local till = skynet.hpc() + seconds * 1e9
	repeat
		local value = f()
		if value then
			return value
		end
		skynet.sleep(1)
	until skynet.hpc() > till
	return false
end
