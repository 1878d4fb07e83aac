---@meta snax.interface

---Read the methods of a snax service from its file, which the config's `snax` finds. Raises `please set snax in config file`
---without that, and what is wrong with the file.
---@param name string
---@param G table the globals that the file sees and adds to; without a metatable
---@param loader? fun(path: string, name: string, G: table): function, string in place of the usual way to find the file
---@return any[][] methods an array of {number, group, name, function?}
---@return string pattern of the path that it was found by
---@return function chunk
local function interface(name, G, loader) end

return interface
