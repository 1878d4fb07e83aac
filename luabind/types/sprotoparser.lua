---@meta sprotoparser

---@class sprotoparser
local parser = {}

---The bytes of a schema, from its text. Raises `syntax error at [NAME] line (n)` and the like.
---@param text string
---@param name? string for errors
---@return string bytes
function parser.parse(text, name) end

---Print bytes in hexadecimal.
---@param bytes string
function parser.dump(bytes) end

return parser
