-- SPDX-License-Identifier: MIT
--
-- Lines for the log: skynet.error and skynet.log.

local core = require "skynet.core"

local say = {}

local function joined(...)
	local n = select("#", ...)
	if n <= 1 then
		return tostring((...)) -- nothing is nil, as in skynet
	end
	local words = { ... }
	for i = 1, n do
		words[i] = tostring(words[i])
	end
	return table.concat(words, " ")
end

--- Write one line to the log: the arguments as text, joined by blanks. Always written, whatever
-- `log_level` says.
function say.error(...)
	return core.error(joined(...))
end

--- The same with a level: "debug", "info", "warn" or "error", which stands before the text ("info"
-- does not). Not written when the config's `log_level` is above it; then the arguments are not
-- turned into text either.
function say.log(level, ...)
	local mark = core.log_mark(level)
	if mark then
		core.error(mark .. joined(...))
	end
end

return say
