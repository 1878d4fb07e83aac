-- SPDX-License-Identifier: MIT
--
-- Sheets of data that skynet.datasheet.builder publishes. As skynet.sharedata: what query gives is read like a
-- table, cannot be written, and has the new values with the next message after an update.

local core = require "skynet.sharedata.core"
require "skynet.sharedtype"

local datasheet = {}
local cache = setmetatable({}, { __mode = "v" })

--- The sheet of that name; an error when there is none.
function datasheet.query(name)
	local found = cache[name]
	if found == nil then
		found = core.query("datasheet " .. name)
			or error(string.format("call failed: no datasheet %s", name), 2)
		cache[name] = found
	end
	return found
end

return datasheet
