-- SPDX-License-Identifier: MIT
-- Backtracks for longer than anybody will wait.
local text = string.rep("a", 100000)
local found = string.find(text, ".-.-.-.-b") -- here
return found
