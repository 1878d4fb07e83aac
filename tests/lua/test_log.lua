-- SPDX-License-Identifier: MIT
-- skynet.log: levels.

return function(t)
	local logging = t.run [[
		local skynet = require "skynet"
		skynet.start(function()
			local touched = setmetatable({}, { __tostring = function() print "touched" return "text" end })
			skynet.log("debug", touched)
			skynet.log("warn", "a", 1, nil, touched)
			skynet.log("info", "plain")
			print(pcall(skynet.log, "loud"))
		end)
	]]
	t.has(logging:log_text(), "[:00000008] warn: a 1 nil text", "a level stands before the text")
	t.has(logging:log_text(), "[:00000008] plain", "info has no mark")
	t.eq(#logging.output, 2, "what is not wanted is not turned into text")
	t.has(logging.output[2], "false\t", "there are four levels")
end
