-- SPDX-License-Identifier: MIT
--
-- What is said: skynet.error and skynet.log, and addresses as text.

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

--- An address as text: `:%08x` for a handle, anything else as it is.
function say.address(addr)
	if type(addr) == "number" then
		return string.format(":%08x", addr)
	end
	return tostring(addr)
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
