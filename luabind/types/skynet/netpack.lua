---@meta skynet.netpack

---Packages (two bytes of length, the high one first, then so many bytes) of what comes from sockets. Blocks are C memory: who
---gets one from filter or pop gives it to tostring, or sends it on.
---@class skynet.netpack
local netpack = {}

---Take a message of a socket. Frees it. Raises an error for what is none.
---@param queue userdata? what filter returned before
---@param msg lightuserdata
---@param size integer bytes
---@return userdata? queue
---@return "data"|"more"|"open"|"close"|"error"|"warning"|"init"|nil what nil: nothing is complete yet; "more": pop them
---@return integer? id of the socket
---@return any ... data: block, bytes; open: address; error: text; warning: KB that wait; init: address, port
function netpack.filter(queue, msg, size) end

---The next complete package.
---@param queue userdata?
---@return integer? id of the socket; nothing when there is none
---@return lightuserdata? msg
---@return integer? size bytes
function netpack.pop(queue) end

---Drop all that is in a queue.
---@param queue userdata?
function netpack.clear(queue) end

---A package of a string or a block, which stays the caller's. Raises `Invalid size (too long) of data`.
---@param msg string|lightuserdata up to 65535 bytes
---@param size? integer bytes; for a block
---@return lightuserdata package
---@return integer size bytes
function netpack.pack(msg, size) end

---A block as a string. Frees it.
---@param msg lightuserdata
---@param size integer bytes
---@return string
function netpack.tostring(msg, size) end

return netpack
