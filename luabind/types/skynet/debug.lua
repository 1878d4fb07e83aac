---@meta skynet.debug

---The debug protocol: `skynet.call(addr, "debug", "MEM")` and the like, which every service answers.
---@class skynet.debug
local debug_api = {}

---Add a command. Raises `assertion failed!` when there is one of that name.
---@param name string
---@param f fun(...: any) answers by skynet.retpack
function debug_api.reg_debugcmd(name, f) end

---Let `f` answer the command INFO.
---@param f fun(...: any): any
function debug_api.info_func(f) end

---The handler of the protocol. Raises an error for a command that does not exist.
---@param _session integer
---@param _source integer
---@param cmd string
---@param ... any
function debug_api.dispatch(_session, _source, cmd, ...) end

return debug_api
