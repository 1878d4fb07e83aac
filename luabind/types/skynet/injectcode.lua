---@meta skynet.injectcode

---Run a text as if it stood in a function that has been called and not returned: it sees local variables, those of outer
---functions, globals and `...`, and may assign to them.
---@param source string Lua
---@param co? thread the running coroutine by default
---@param level? integer which function of its stack: 0 is the innermost, or the caller of this
---@param extra? table<string, any> values that it sees by name before all others
---@return boolean ok
---@return any ... what it returns, or the error
local function injectcode(source, co, level, extra) end

return injectcode
