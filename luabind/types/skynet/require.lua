---@meta skynet.require

---The require whose modules may wait while they load; the global one is the same. Calling the module requires.
---@class skynet.require
---@overload fun(name: string): any
local modules = {}

---Load a module, once per service; while one task loads it others wait. Raises what the module raises, `require NAME failed`
---to those that waited, and `circular dependency: NAME`.
---@param name string
---@return any module
function modules.require(name) end

---As skynet.init.
---@param f fun()
function modules.init(f) end

---LuaJIT's require, for modules that must not wait while they load.
---@param name string
---@return any module
function modules.original(name) end

---Run functions of skynet.init, also those that they add.
---@param list fun()[]
function modules.run_inits(list) end

---Run the init functions of the main chunk. skynet.start does it.
function modules.init_all() end

return modules
