---@meta skynet.service

---Services made of a function, one for each name.
---@class skynet.service
local service = {}

---The service of that name; the first call starts one that runs `mainfunc(...)`, the others wait for that.
---Raises `assertion failed!` when mainfunc has upvalues, and `call failed: REASON` when it fails; the next call then
---tries again.
---@param name string
---@param mainfunc function like a main chunk, without local variables from outside
---@param ... any
---@return integer handle
function service.new(name, mainfunc, ...) end

---The service of that name; waits until somebody has made it.
---@param name string
---@return integer handle
function service.query(name) end

---End the service of that name.
---@param name string
---@return boolean found whether there was one
function service.close(name) end

return service
