---@meta skynet.queue

---A lock for tasks: waits for its turn, first come, first served, runs `f(...)` and gives its results. Within `f` the
---same task may use the lock again. Raises the error of `f`, with its traceback, and `deadlock: ...` when this task would
---wait for itself.
---@alias skynet.lock fun(f: function, ...: any): any

---A new lock.
---@return skynet.lock lock
local function queue() end

return queue
