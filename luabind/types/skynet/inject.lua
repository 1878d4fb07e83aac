---@meta skynet.inject

---Run a text in this service, as the debug command RUN does. It finds in _U the upvalues of skynet's functions, and in _P,
---by protocol, those of the handlers.
---@param skynet skynet
---@param source string Lua
---@param filename? string what it is called in errors
---@param args? any[] its arguments
---@return boolean ok whether it ran to its end
---@return string[] output what it printed, and the error
local function inject(skynet, source, filename, args) end

return inject
