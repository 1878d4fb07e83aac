---@meta snax.hotfix

---Patch the methods of the snax service that this is; snax.hotfix does it in another one. Raises `Patch mismatch accept.x`
---and `ambiguity local value x`, and then has changed nothing.
---@param methods table what snax.interface gives, with the chunks of the file and its patches in `chunks`
---@param source string Lua
---@param ... any for the source's own function hotfix
---@return any ... what that returns
local function hotfix(methods, source, ...) end

return hotfix
