---@meta sproto.core

---The C part of sproto. Schemas and types are userdata; bytes are a string, or a block and its size.
---@class sproto.core
---@field nothing userdata the response of a protocol that only confirms
local core = {}

---A schema.
---@param bytes string
---@return userdata? schema
---@return string? why not
function core.newproto(bytes) end

---Is not needed: the collector does it.
---@param schema userdata
function core.deleteproto(schema) end

---Keep a schema for all services.
---@param schema userdata
---@param index integer slot, 0 to 127
function core.saveproto(schema, index) end

---The schema of a slot. Raises an error when there is none.
---@param index integer slot
---@return userdata schema
function core.loadproto(index) end

---A type of a schema.
---@param schema userdata
---@param name string
---@return userdata? type
function core.querytype(schema, name) end

---A protocol of a schema: its tag when asked by name, its name when asked by tag, and its types.
---@param schema userdata
---@param key string|integer
---@return integer|string|nil other nothing when there is none
---@return userdata? request
---@return userdata? response
function core.protocol(schema, key) end

---A struct as bytes. Raises an error for a value that the type does not have.
---@param type userdata
---@param value table
---@return string
function core.encode(type, value) end

---Bytes as a struct. Raises an error for bytes that are none.
---@param type userdata
---@param bytes string|lightuserdata
---@param ... any the size of a block; a table to fill
---@return table value
---@return integer size how many bytes it took
function core.decode(type, bytes, ...) end

---A table with the default values of a type.
---@param type userdata
---@return table
function core.default(type) end

---Pack zeros away.
---@param bytes string|lightuserdata
---@param size? integer
---@return string
function core.pack(bytes, size) end

---The other way. Raises an error for what is not packed.
---@param bytes string|lightuserdata
---@param size? integer
---@return string
function core.unpack(bytes, size) end

return core
