-- SPDX-License-Identifier: MIT
-- Two that give the word to each other; an error in one must get out of both.
local function echo(x)
	while true do -- here
		x = coroutine.yield(x + 1) -- here
	end -- here
end

local ping, pong = coroutine.create(echo), coroutine.create(echo)
local x = 0
while true do -- here
	local _, y = coroutine.resume(ping, x) -- here
	_, x = coroutine.resume(pong, y) -- here
	if type(x) ~= "number" then -- here: a coroutine that was ended is replaced, so that nothing ends by itself
		ping, pong, x = coroutine.create(echo), coroutine.create(echo), 0 -- here
	end
end -- here
