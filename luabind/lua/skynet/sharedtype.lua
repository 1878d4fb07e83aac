-- SPDX-License-Identifier: MIT
--
-- Shared data is userdata, since tables have no `#` of their own in LuaJIT; but to code that walks over data it shall be
-- tables. So in a service that uses it, `type` says "table" of it. Code that has taken a copy of `type` before is told
-- the truth.

local metatable = require("skynet.sharedata.core").metatable
local true_type, metatable_of = type, debug.getmetatable

function _G.type(...)
	local kind = true_type(...)
	if kind == "userdata" and metatable_of((...)) == metatable then
		return "table"
	end
	return kind
end
