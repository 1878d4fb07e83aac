---@meta skynet.mqueue

---Messages handled one after the other (protocol "queue"). For old services; new ones say
---`skynet.dispatch("lua", f, { serial = true })`.
---@class skynet.mqueue
local mqueue = {}

---Let `f` handle the messages; what it returns is the answer. Raises an error the second time.
---@param f fun(...: any): any
function mqueue.register(f) end

---Send a request and wait for the answer. Raises as skynet.call.
---@param addr skynet.address
---@param ... any
---@return any ...
function mqueue.call(addr, ...) end

---Send a message. As skynet.send.
---@param addr skynet.address
---@param ... any
---@return 0|false|nil sent
function mqueue.send(addr, ...) end

---How many messages wait to be handled.
---@return integer
function mqueue.size() end

return mqueue
