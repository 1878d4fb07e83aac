-- SPDX-License-Identifier: MIT
table.sort({ 3, 1, 2 }, function()
	while true do end -- here
end)
