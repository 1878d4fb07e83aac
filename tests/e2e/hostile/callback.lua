-- SPDX-License-Identifier: MIT
string.gsub("x", ".", function()
	while true do end -- here
end)
