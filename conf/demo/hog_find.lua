-- SPDX-License-Identifier: MIT
--
-- One call into C: a pattern with so many ways to match that string.find tries them for seconds.

local skynet = require "skynet"

skynet.start(function()
	local text = string.rep("a", 400)
	local pattern = string.rep("a*", 4) .. "b"
	while true do
		string.find(text, pattern)
	end
end)
