---@meta skynet.sharemap

---A record to be written: its fields are those of the sproto type.
---@class skynet.sharemap.writer
---@field commit fun(self: skynet.sharemap.writer) readers see what is in it now
---@field copy fun(self: skynet.sharemap.writer): lightuserdata what readers are made of

---A record to be read, with the values of its last update.
---@class skynet.sharemap.reader
---@field update fun(self: skynet.sharemap.reader): boolean whether there were new values

---Records that one service writes and others read.
---@class skynet.sharemap
local sharemap = {}

---Read the schema of all records from a file, for the whole process. Raises what is wrong with it.
---@param filename string
function sharemap.register(filename) end

---A record to be written. Raises `type not found`, and for values that do not fit the type.
---@param typename string
---@param data? table its first values
---@return skynet.sharemap.writer
function sharemap.writer(typename, data) end

---A record to be read.
---@param typename string
---@param copied lightuserdata what writer:copy() gave
---@return skynet.sharemap.reader
function sharemap.reader(typename, copied) end

return sharemap
