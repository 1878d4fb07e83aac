---@meta skynet.sharedata

---Reads like a table (index, #, pairs, ipairs), cannot be written; new values from the message after an update on.
---@alias skynet.shared userdata|table

---Tables of the process that every service reads and none has a copy of.
---@class skynet.sharedata
local sharedata = {}

---Publish a value under a new name. Raises an error when there is one, or the value cannot be shared.
---@param name string
---@param value table|string|nil a table; the text of a chunk; "@" and its file
---@param ... any arguments of the chunk
function sharedata.new(name, value, ...) end

---Put a new value in the place of the old one, or publish it. Raises an error when it cannot be shared.
---@param name string
---@param value table|string|nil as for new
---@param ... any
function sharedata.update(name, value, ...) end

---Take the name away; who has queried it keeps the last value. Raises an error when there is none.
---@param name string
function sharedata.delete(name) end

---What is published under a name. Raises `call failed: no shared data NAME`.
---@param name string
---@return skynet.shared
function sharedata.query(name) end

---Let go of old values that are not used any more.
function sharedata.flush() end

---A table of one's own, of all or of what is under these keys; a plain value as it is. Raises as query.
---@param name string
---@param ... any keys
---@return any
function sharedata.deepcopy(name, ...) end

return sharedata
