-- SPDX-License-Identifier: MIT
-- Two variables of one name: which one would a patch mean?
local value = 1
function response.first() return value end
do
	local value = 2
	function response.second() return value end -- luacheck: ignore
end
