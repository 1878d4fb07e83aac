---@meta skynet.harbor

---Global names, and links to other nodes: there is one node here, so a link to another one is down.
---@class skynet.harbor
local harbor = {}

---Give a service a global name. The first owner keeps it. Raises `assertion failed!` for a name that is not allowed.
---@param name string up to 15 characters, not a number, not beginning with "." or ":"
---@param handle? integer this service by default
function harbor.globalname(name, handle) end

---The handle behind a global name; waits until somebody has it. For ".name" it does not wait.
---@param name string
---@return integer? handle
function harbor.queryname(name) end

---Returns when the link to a node is down: at once. Raises `assertion failed!` when `id` is no number.
---@param id integer
function harbor.link(id) end

---Would return when a node is up. Raises `call failed: there is one node`.
---@param id integer
function harbor.connect(id) end

---Returns when the link to the master is down: at once.
function harbor.linkmaster() end

return harbor
