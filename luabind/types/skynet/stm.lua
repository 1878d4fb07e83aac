---@meta skynet.stm

---What writes: called as writer(msg, sz), the bytes are the next state.
---@class skynet.stm.writer

---What reads: called as reader(f, extra), it gives false when there is no state that it has not read yet, else true and what
---f(msg, sz, extra) returns. msg is good until f returns.
---@class skynet.stm.reader

---Bytes that one service writes and others read without asking it.
---@class skynet.stm
local stm = {}

---A writer, with its first state. A pointer is taken over.
---@param msg skynet.payload
---@param sz? integer bytes, of a pointer
---@return skynet.stm.writer
function stm.new(msg, sz) end

---What readers are made of, to be sent to other services.
---@param writer skynet.stm.writer
---@return lightuserdata
function stm.copy(writer) end

---A reader. It reads nothing any more when its writer is gone.
---@param copy lightuserdata what stm.copy gave
---@return skynet.stm.reader
function stm.newcopy(copy) end

return stm
