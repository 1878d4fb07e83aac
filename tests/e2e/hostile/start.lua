-- SPDX-License-Identifier: MIT
-- Run in skynet.start: nobody could send a message before.
while true do end -- here
