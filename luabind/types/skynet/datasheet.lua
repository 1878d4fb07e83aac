---@meta skynet.datasheet

---Sheets of data that skynet.datasheet.builder publishes.
---@class skynet.datasheet
local datasheet = {}

---The sheet of that name. Raises `call failed: no datasheet NAME`.
---@param name string
---@return skynet.shared
function datasheet.query(name) end

return datasheet
