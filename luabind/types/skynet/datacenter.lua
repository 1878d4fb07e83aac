---@meta skynet.datacenter

---A tree of values that all services share.
---@class skynet.datacenter
local datacenter = {}

---The value at a path; a branch comes as a table. Raises `call failed: REASON` when the path goes through a value.
---@param ... any the keys
---@return any value nil when there is none
function datacenter.get(...) end

---Put a value at a path; nil removes it. Raises `call failed: REASON` when the path goes through a value.
---@param ... any the keys, then the value
---@return any before
function datacenter.set(...) end

---As get, but waits until there is a value. Raises `call failed: REASON` when others wait for something below or above
---that path, or when it becomes a branch.
---@param ... any the keys
---@return any value
function datacenter.wait(...) end

return datacenter
