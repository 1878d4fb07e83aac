-- SPDX-License-Identifier: MIT
--
-- Finished coroutines, kept for the next tasks: steady load creates none. A bounded plain list
-- rather than a weak table, because a weak one is emptied by every collection, just when the
-- service has the most to do.

local create, yield, running = coroutine.create, coroutine.yield, coroutine.running

local POOL_MAX = 256

local pool = {
	--- What a coroutine yields when it suspends, for whatever reason, in the library.
	SUSPEND = "SUSPEND",
}
local SUSPEND = pool.SUSPEND

local idle, count = {}, 0

-- The main function of every task. Fixed parameters rather than `...`: they can be cleared, so that
-- an idle coroutine does not keep the last message's objects alive.
local function body(f, a, b, c, d, e)
	while true do
		f(a, b, c, d, e)
		if count >= POOL_MAX then
			return
		end
		count = count + 1
		idle[count] = running()
		f, a, b, c, d, e = nil, nil, nil, nil, nil, nil
		f, a, b, c, d, e = yield(SUSPEND)
	end
end

--- An idle coroutine, from the pool or new. It begins with the first resume(co, f, ...), which
-- passes at most five arguments on to f. If f raises an error it is dead and does not come back.
function pool.acquire()
	if count == 0 then
		return create(body)
	end
	local co = idle[count]
	idle[count] = nil
	count = count - 1
	return co
end

return pool
