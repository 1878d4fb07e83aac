---@meta skynet.coroutine

---Coroutines inside of a task: what waits in one (call, sleep, ...) suspends the whole task, and goes on with it.
---@class skynet.coroutine
local M = {}

---A coroutine of `f`, for this module.
---@param f function
---@return thread co
function M.create(f) end

---Go on with a coroutine until it yields or ends.
---@param co thread
---@param ... any
---@return boolean ok
---@return any ... what it yielded or returned; or the reason
function M.resume(co, ...) end

---Suspend the running coroutine. Directly in a task it ends the task with an error.
---@param ... any what resume returns
---@return any ... what the next resume was given
function M.yield(...) end

---What a coroutine does; "blocked": its task waits for something.
---@param co thread
---@return "running"|"suspended"|"normal"|"dead"|"blocked"
function M.status(co) end

---As coroutine.running.
---@return thread co
---@return boolean main
function M.running() end

---Whether the caller may yield: within a task.
---@return boolean
function M.isyieldable() end

---The task that a coroutine belongs to, and whether it is that task.
---@param co? thread the running one by default
---@return thread task
---@return boolean is_task
function M.thread(co) end

---A function that resumes a new coroutine of `f`, gives what it yields, and raises its errors.
---@param f function
---@return fun(...: any): any
function M.wrap(f) end

---End a suspended coroutine. Raises `cannot close a running coroutine` and the like.
---@param co thread
---@return boolean ok false when an error has ended it, or one came up while its variables were closed
---@return any reason that error, told once
function M.close(co) end

return M
