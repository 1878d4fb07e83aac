-- SPDX-License-Identifier: MIT
while true do pcall(error) end -- here
