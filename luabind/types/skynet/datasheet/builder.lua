---@meta skynet.datasheet.builder

---Publishes sheets of data.
---@class skynet.datasheet.builder
local builder = {}

---Publish a sheet under a new name. Raises an error when there is one, or it is no table.
---@param name string
---@param value table|string a table, or what compile gave
function builder.new(name, value) end

---Put a new sheet in the place of the old one. Raises an error when it is no table.
---@param name string
---@param value table|string
function builder.update(name, value) end

---A table as a string, to be kept. The format is equilune's.
---@param value table
---@return string
function builder.compile(value) end

return builder
