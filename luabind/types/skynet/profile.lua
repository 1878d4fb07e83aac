---@meta skynet.profile

---The CPU time of a coroutine, without the time in which it is suspended. Loading it replaces coroutine.resume and wrap.
---@class skynet.profile
local profile = {}

---Begin to count. Raises an error when that has begun already.
---@param co? thread the running one by default
function profile.start(co) end

---End counting. Raises an error when it has not begun.
---@param co? thread the running one by default
---@return number s CPU seconds
function profile.stop(co) end

---As coroutine.resume.
---@param co thread
---@param ... any
---@return boolean ok
---@return any ...
function profile.resume(co, ...) end

---As coroutine.wrap.
---@param f function
---@return fun(...: any): any
function profile.wrap(f) end

return profile
