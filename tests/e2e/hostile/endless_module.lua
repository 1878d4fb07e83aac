-- SPDX-License-Identifier: MIT
-- A module, not a program of its own: see require.lua.
while true do end -- here
