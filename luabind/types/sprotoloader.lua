---@meta sprotoloader

---Schemas in slots of the process, 0 to 127: one service saves them, all others load them, and there is one copy.
---@class sprotoloader
local loader = {}

---Parse a file and save its schema. Raises an error when it cannot be read or parsed.
---@param filename string
---@param index integer slot
function loader.register(filename, index) end

---Save the bytes of a schema. Raises an error for others.
---@param bytes string
---@param index integer slot
function loader.save(bytes, index) end

---The schema in a slot. Raises an error when there is none.
---@param index integer slot
---@return sproto
function loader.load(index) end

return loader
