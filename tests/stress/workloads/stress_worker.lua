-- SPDX-License-Identifier: MIT
--
-- The service that runs workloads: a message "NAME N" is answered with the checksum.

local core = require("skynet.core")
local ffi = require("ffi")
local workloads = require("workloads")

-- In the test program: looks whether the thread is as it should be.
ffi.cdef("void stress_visit(void);")

core.callback(function(_, data, size, session, source)
	local name, n = core.tostring(data, size):match("^(%S+) (%d+)$")
	ffi.C.stress_visit()
	local answer = workloads[name](tonumber(n))
	ffi.C.stress_visit()
	core.send(source, 1, session, answer)
end)
