-- SPDX-License-Identifier: MIT
-- In a message handler, which runs on top of the error: compiled, there is no hook; interpreted, there is.
xpcall(error, function()
	while true do end -- here
end, "x")
