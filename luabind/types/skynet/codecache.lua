---@meta skynet.codecache

---@class skynet.codecache.figures
---@field chunks integer files in the cache
---@field bytes integer of bytecode
---@field hits integer loads that found theirs
---@field misses integer loads that compiled

---Compiled files, for all services of the process. `loadfile`, `require` and the start of services use it.
---@class skynet.codecache
local codecache = {}

---From now on every file is looked at again when it is loaded.
function codecache.clear() end

---Use of the cache by this service: "ON", "OFF", or "EXIST" (what is in it is used, nothing is added).
---Raises an error for another mode.
---@param mode? "ON"|"OFF"|"EXIST" nil: only read
---@return "ON"|"OFF"|"EXIST"|nil mode when it was only read
function codecache.mode(mode) end

---As Lua's loadfile, with the cache.
---@param filename? string
---@param mode? "b"|"t"|"bt" with one the cache is not used
---@param env? table
---@return function? chunk
---@return string? why not
function codecache.loadfile(filename, mode, env) end

---Figures of the process.
---@return skynet.codecache.figures
function codecache.figures() end

return codecache
