---@meta skynet.manager

---@class skynet
local skynet = {}

---Launch a service of any kind without waiting for its start.
---@param ... any its kind ("snlua"), its name, its arguments
---@return integer? handle nil when it cannot be created
---@return string? reason
function skynet.launch(...) end

---End another service at once. Requests that it has not answered fail.
---@param addr skynet.address
function skynet.kill(addr) end

---End all services and the process, with exit status 0.
function skynet.abort() end

---Give this service a name. The first owner keeps one. Raises `assertion failed!` for a name that is not allowed.
---@param name string ".name"; or a global one: up to 15 characters, not a number, not beginning with ":"
function skynet.register(name) end

---Give another service a name, as register. Nothing happens when nobody lives there.
---@param name string
---@param addr skynet.address
function skynet.name(name, addr) end

---In place of skynet.start: messages of some types come without their payload being freed, to be passed on by
---skynet.redirect or freed by skynet.trash.
---@param map table<integer, integer> type -> the type under which it is dispatched here
---@param start fun()
function skynet.forward_type(map, start) end

---In place of skynet.start: every message goes through `f` first, which returns the same five values.
---@param f fun(ptype: integer, msg: lightuserdata?, sz: integer, session: integer, source: integer): integer, lightuserdata?, integer, integer, integer
---@param start fun()
function skynet.filter(f, start) end

---Let a unique service know of every service that ends: by a message of PTYPE_CLIENT, session 0, from the dead handle.
---@param service string its name
---@param query? boolean it must have been launched by somebody already: waits for that
---@return integer handle of that service
function skynet.monitor(service, query) end

return skynet
