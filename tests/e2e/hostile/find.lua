-- SPDX-License-Identifier: MIT
-- Backtracks for longer than anybody will wait.
return string.find(string.rep("a", 100000), ".-.-.-.-b")
